"""Every check of the project, in order, up to the first that fails: `python -m tests.check`.

Style, types, then what the tests need and can be had here (a small model, the sandbox image, servers
to ask), then the tests. Arguments go to pytest.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
STYLE = [PYTHON, "-m", "ruff", "check", "."]
TYPES = [PYTHON, "-m", "basedpyright", "--pythonpath", PYTHON]
MODEL = [PYTHON, "-m", "agentfix", "models", "pull", "smollm2-135m"]
IMAGE = [PYTHON, "-m", "agentfix", "sandbox", "build", "--offline"]
SERVERS = [PYTHON, "-m", "tests.servers"]
TESTS = [PYTHON, "-m", "pytest"]


def main(arguments: list[str]) -> int:
    """Run the checks; returns the exit status of the first that fails, else 0."""
    for command in (STYLE, TYPES, MODEL, SERVERS):
        if status := run(command):
            return status
    reason = image_is_not_built()
    if reason:
        say(f"The sandbox image is not built: {reason}.")
    elif status := run(IMAGE):
        return status
    return run([*TESTS, *arguments])


def run(command: list[str]) -> int:
    say(f"$ {shlex.join(command)}")
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def image_is_not_built() -> str:
    """Why the sandbox image is left as it is; empty when it is to be built."""
    from agentfix.errors import SandboxUnavailableError
    from agentfix.sandbox.docker.engine import Engine
    from agentfix.settings import load_settings

    try:
        engine = Engine()
    except SandboxUnavailableError as error:
        return f"there is no Docker engine ({error.message})"
    try:
        engine.require_image(load_settings().sandbox_image)
    except SandboxUnavailableError:
        return "" if shutil.which("mmdebstrap") else "mmdebstrap is not installed"
    finally:
        engine.close()
    return "it is there already"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
