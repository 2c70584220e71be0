"""What the other sandboxes need: a virtual environment for each package, and one image that stands on ours.

Both are made once and kept: environments in a folder, the image in the engine. Nothing is fetched from an image
registry; packages come from the index that pip uses.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, rmtree
from typing import Any

from docker.errors import ImageNotFound

SCRIPTS = Path(__file__).parent / "peers"
IMAGE = "agentfix-bench-peers"
IMAGE_PACKAGES = ("pip", "ipykernel==7.4.0", "jupyter_client==8.10.0", "jupyter_kernel_gateway==3.0.1")
SOURCE_LABEL = "org.agentfix.bench.source"
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_28", "manylinux_2_34")


class PeerError(Exception):
    """A sandbox that can't be measured here, and why."""


@dataclass(frozen=True)
class Peer:
    """Another sandbox."""

    name: str
    requirement: str
    script: str
    """In `peers/`; what `serving.py` says is how it is driven."""
    keeps_variables: bool


PEERS = (
    Peer("smolagents DockerExecutor", "smolagents[docker]==1.26.0", "smolagents_docker.py", True),
    Peer("AutoGen DockerCommandLineCodeExecutor", "autogen-ext[docker,docker-jupyter-executor]==0.7.5",
         "autogen_command_line.py", False),
    Peer("AutoGen DockerJupyterCodeExecutor", "autogen-ext[docker,docker-jupyter-executor]==0.7.5",
         "autogen_jupyter.py", True),
    Peer("llm-sandbox SandboxSession", "llm-sandbox[docker]==0.3.46", "llm_sandbox_fresh.py", False),
    Peer("llm-sandbox InteractiveSandboxSession", "llm-sandbox[docker]==0.3.46", "llm_sandbox_interactive.py", True),
)


def python_with(requirement: str, folder: Path) -> Path:
    """The interpreter of a virtual environment that has a package; made if it isn't there.

    Args:
        requirement: of the package.
        folder: where environments are kept.

    Raises:
        PeerError: it could not be installed.
    """
    home = folder / hashlib.sha256(f"{sys.version}{requirement}".encode()).hexdigest()[:16]
    python, complete = home / "bin" / "python", home / "complete"
    if not complete.exists():
        rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        _call([str(python), "-m", "pip", "install", "--quiet", requirement], f"{requirement} could not be installed")
        complete.touch()
    return python


def peers_image(docker: Any, image: str) -> str:
    """The name of the image that the other sandboxes run in; made if it isn't there or stands on an older one of ours.

    Args:
        docker: a client of the engine.
        image: of the docker sandbox.

    Raises:
        PeerError: it could not be made.
    """
    ours = docker.images.get(image)
    recipe = (SCRIPTS / "Dockerfile").read_text(encoding="utf-8")
    source = hashlib.sha256(f"{ours.id} {IMAGE_PACKAGES} {recipe}".encode()).hexdigest()
    if _label(docker, IMAGE) != source:
        with tempfile.TemporaryDirectory() as context:
            copy(SCRIPTS / "Dockerfile", context)
            _fetch_wheels(_python_version(docker, image), ours.attrs["Architecture"], Path(context))
            _call(["docker", "build", "--quiet", "--network=none", "--tag", IMAGE,
                   "--label", f"{SOURCE_LABEL}={source}", "--build-arg", f"BASE={image}",
                   "--build-arg", f"PACKAGES={' '.join(IMAGE_PACKAGES)}", context],
                  "the image of the other sandboxes could not be built")
    return IMAGE


def _label(docker: Any, image: str) -> str | None:
    try:
        labels: Mapping[str, str] = docker.images.get(image).labels
    except ImageNotFound:
        return None
    return labels.get(SOURCE_LABEL)


def _python_version(docker: Any, image: str) -> str:
    code = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor}')"
    return docker.containers.run(image, ["python3", "-c", code], remove=True, network_mode="none").decode().strip()


def _fetch_wheels(python: str, architecture: str, folder: Path) -> None:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(architecture, architecture)
    _call([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--implementation=cp",
           f"--python-version={python}", *(f"--platform={name}_{machine}" for name in PLATFORMS), f"--dest={folder}",
           *IMAGE_PACKAGES], "the wheels of a Jupyter gateway could not be fetched")


def _call(command: Sequence[str], complaint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise PeerError(f"{complaint}: {' '.join((done.stderr or done.stdout).split())[-500:]}")
