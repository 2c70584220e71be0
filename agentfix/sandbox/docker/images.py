"""Makes the image of the docker sandbox: from a registry's Python image, or from Debian packages without one."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound

from agentfix.errors import ConfigError, SandboxError, SandboxUnavailableError
from agentfix.sandbox.docker.complaints import explain
from agentfix.sandbox.docker.engine import LABEL, Engine, image_reference, open_engine
from agentfix.sandbox.docker.recipe import DEFAULT_BASE, DEFAULT_PACKAGES, OFFLINE_BASE, Recipe, read_recipe
from agentfix.sandbox.docker.sources import BASE_RECIPE, copy_image_files, digest

BUILD_TIMEOUT_S = 1800
"""How long the engine may be silent while it works at a step."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Names of processors: the engine's, and those of wheels."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def build_image(image: str, *, base: str | None = None, packages: Sequence[str] = DEFAULT_PACKAGES,
                offline: bool = False, log: Callable[[str], None]) -> bool:
    """Make the sandbox image, unless there is one that is made of the same.

    Args:
        image: the name to give it.
        base: the image it stands on; `python:3.12-slim`, or with `offline` one that is made here.
        packages: what programs can import besides the standard library, as pip requirements.
        offline: no registry: the base is made with mmdebstrap where it is missing, and wheels are fetched on the host.
        log: is given each line of progress.

    Returns:
        False when nothing had to be done.

    Raises:
        ConfigError: a name is no image reference, or belongs to an image that was made in another way.
        SandboxUnavailableError: there is no engine, or a program that is needed is not installed.
        SandboxError: a step failed.
    """
    base = base or (_offline_base_name() if offline else DEFAULT_BASE)
    for name in (image, base):
        image_reference(name)
    recipe = Recipe(image, base, tuple(sorted(set(packages))), digest())
    with open_engine() as engine:
        if _is_made(engine, recipe):
            return False
        with tempfile.TemporaryDirectory(prefix="agentfix-image-") as directory:
            context = Path(directory) / "context"
            copy_image_files(context)
            if offline:
                _make_base(engine, base, Path(directory), log)
                _fetch_wheels(engine, recipe, context, log)
            _build(engine, recipe, context, offline, log)
    return True


def _is_made(engine: Engine, recipe: Recipe) -> bool:
    found = _inspect(engine, recipe.image)
    made = read_recipe(found["Config"].get("Labels") or {}) if found else None
    if made is not None and made.image != recipe.image:
        raise ConfigError(f"The image {recipe.image!r} was made from {made.image!r}; it is not replaced.",
                          f"Make it as you did before; or remove it first: docker image rm {recipe.image}")
    if found is None or made != recipe:
        return False
    base = _inspect(engine, recipe.base)
    layers = _layers(base) if base else []
    return _layers(found)[:len(layers)] == layers  # else the base was pulled or made anew since


def _inspect(engine: Engine, image: str) -> Any:
    try:
        return engine.api.inspect_image(image)
    except ImageNotFound:
        return None


def _layers(found: Any) -> list[str]:
    return list(found["RootFS"].get("Layers") or [])


def _build(engine: Engine, recipe: Recipe, context: Path, offline: bool, log: Callable[[str], None]) -> None:
    arguments = {"BASE": recipe.base, "PACKAGES": " ".join(recipe.packages)}
    if offline:
        arguments["PIP_NO_INDEX"] = "1"
    complaint = f"The image {recipe.image!r} could not be built"
    said: list[str] = []
    try:
        steps: Any = engine.api.build(
            path=str(context), tag=recipe.image, buildargs=arguments, labels=recipe.labels(), rm=True, forcerm=True,
            decode=True, network_mode="none" if offline else None, timeout=BUILD_TIMEOUT_S)
        for step in steps:
            for line in f"{step.get('stream', '')}\n{step.get('error', '')}".splitlines():
                if line := _COLOUR.sub("", line).rstrip():
                    log(line)
                    said.append(line)
            if "error" in step:
                raise _failure(complaint, said)
    except APIError as error:
        raise _failure(complaint, [str(error.explanation or error)]) from error


def _offline_base_name() -> str:
    return f"{OFFLINE_BASE}:{hashlib.sha256(BASE_RECIPE.read_bytes()).hexdigest()[:12]}"


def _make_base(engine: Engine, base: str, directory: Path, log: Callable[[str], None]) -> None:
    """See to it that the base is there."""
    if _inspect(engine, base):
        return
    if base != _offline_base_name():
        raise SandboxUnavailableError(f"There is no image {base!r} to build on, and offline none is fetched.",
                                      "Leave --base out: a base is made then.")
    if shutil.which("mmdebstrap") is None:
        raise SandboxUnavailableError("The base image can't be made: mmdebstrap is not installed.",
                                      "Install it: sudo apt-get install mmdebstrap")
    log(f"Making {base} from Debian packages")
    recipe, archive = directory / "base.sh", directory / "base.tar"
    recipe.write_bytes(BASE_RECIPE.read_bytes())
    _call(["sh", str(recipe), str(archive)], "The base image could not be made")
    repository, _, tag = base.partition(":")
    engine.api.import_image_from_file(str(archive), repository=repository, tag=tag)


def _fetch_wheels(engine: Engine, recipe: Recipe, context: Path, log: Callable[[str], None]) -> None:
    """Put the wheels, and pip itself, beside the Dockerfile; for the base's Python, whatever this one is."""
    if not find_spec("pip"):
        raise SandboxUnavailableError("The wheels can't be fetched: this Python has no pip.",
                                      f"Install it: {sys.executable} -m ensurepip")
    if not recipe.packages:
        return
    log(f"Fetching wheels of {', '.join(recipe.packages)}")
    machine = _inspect(engine, recipe.base)["Architecture"]
    platforms = [f"--platform={name}_{_MACHINES.get(machine, machine)}" for name in (
        "manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")]
    _call([sys.executable, "-P", "-m", "pip", "download", "--quiet", "--retries=2", "--only-binary=:all:",
           "--implementation=cp", f"--python-version={_python_of(engine, recipe.base)}", *platforms,
           f"--dest={context}", "--", "pip", *recipe.packages], "The wheels could not be fetched")


def _python_of(engine: Engine, base: str) -> str:
    """The version of the base's Python, such as 3.11."""
    container = engine.api.create_container(
        base, ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], entrypoint=[],
        labels={LABEL: "1"}, host_config=engine.api.create_host_config(network_mode="none"))["Id"]
    try:
        engine.api.start(container)
        engine.api.wait(container)
        version = engine.api.logs(container).decode(errors="replace").strip()
    except APIError as error:
        raise _failure(f"The Python of {base!r} can't be run", [str(error.explanation)]) from error
    finally:
        engine.remove(container)
    if not re.fullmatch(r"3\.\d+", version):
        raise _failure(f"The Python of {base!r} can't be run", version.splitlines())
    return version


def _call(command: Sequence[str], complaint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise _failure(complaint, done.stderr.splitlines() or [f"status {done.returncode}"])


def _failure(complaint: str, said: Sequence[str]) -> SandboxError:
    reason, hint = explain(said)
    return SandboxError(f"{complaint}: {reason}.", hint)
