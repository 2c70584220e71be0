"""The Docker engine: connecting to it, and saying what would mend it. The only importer of docker.

Knows nothing about programs. The engine is found as Docker's own tools find it (DOCKER_HOST and the rest).
"""

from __future__ import annotations

import functools
import hashlib
import re
import socket
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.utils
import requests

from agentfix.errors import ConfigError, SandboxUnavailableError
from agentfix.sandbox.docker.owners import OWNER_LABEL, is_dead
from agentfix.sandbox.docker.recipe import require_current
from agentfix.sandbox.output import one_line

LABEL = "agentfix"
_TIMEOUT_S = 120
STALE_S = 600.0
"""A container that was made so long ago and never started is nobody's any more."""
_IMAGE = re.compile(  # host:port/path/name:tag@digest
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?")

ENGINE_ERRORS: tuple[type[Exception], ...] = (docker.errors.DockerException, requests.RequestException, OSError)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A container that carries our label."""

    id: str
    status: str
    owner: str
    """The process that made it, as `owners.this_owner` has it."""
    image: str
    age_s: float


class Engine:
    """A connection to the engine. Its methods block.

    Raises:
        SandboxUnavailableError: there is none, or it may not be used; the hint says what would mend that.
    """

    def __init__(self) -> None:
        self._files: tempfile.TemporaryDirectory[str] | None = None
        try:
            _knock()
            self.api: Any = docker.from_env(timeout=_TIMEOUT_S).api
        except ENGINE_ERRORS as error:
            raise unreachable(error) from error

    def close(self) -> None:
        self.api.close()
        if self._files is not None:
            self._files.cleanup()

    @functools.cached_property
    def is_podman(self) -> bool:
        """Whether it is Podman's service that answers."""
        components: list[dict[str, Any]] = self.api.version().get("Components") or []
        return any("podman" in str(each.get("Name", "")).lower() for each in components)

    def file_of(self, text: str) -> Path:
        """A file with this text, which is there until the connection is closed; for an engine on this machine."""
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="agentfix-")
        path = Path(self._files.name) / hashlib.sha256(text.encode()).hexdigest()
        path.write_text(text, encoding="utf-8")
        return path

    def require_image(self, image: str) -> str:
        """Check that the image is there and was made from the files that we have.

        Returns:
            Its id.

        Raises:
            SandboxUnavailableError: it isn't, or wasn't.
        """
        try:
            found = self.api.inspect_image(image)
        except docker.errors.ImageNotFound as error:
            raise SandboxUnavailableError(f"There is no image {image!r} for the docker sandbox.",
                                          "Make it: agentfix sandbox build") from error
        except ENGINE_ERRORS as error:
            raise unreachable(error) from error
        require_current(image, found["Config"].get("Labels") or {})
        return str(found["Id"])

    def facts(self, runtime: str) -> dict[str, str]:
        """What the engine says of itself.

        Args:
            runtime: that is asked for; the engine's default when empty.

        Raises:
            SandboxUnavailableError: it can't be reached.
        """
        try:
            info: dict[str, Any] = self.api.info()
        except ENGINE_ERRORS as error:
            raise unreachable(error) from error
        said: list[str] = info.get("SecurityOptions") or []
        options = {each.partition(",")[0].removeprefix("name=") for each in said}
        return {
            "engine": f"{info.get('Name', '?')}, version {info.get('ServerVersion', '?')}",
            "runtime": runtime or str(info.get("DefaultRuntime", "?")),
            "rootless": "yes" if "rootless" in options else "no",
            "user namespaces": "yes" if options & {"userns", "rootless"} else "no",
            "cgroups": f"version {info.get('CgroupVersion', '?')}",
        }

    def containers(self) -> list[Leftover]:
        """The containers that carry our label, running or not."""
        found: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": LABEL})
        return [Leftover(each["Id"][:12], each["State"], str(each["Labels"].get(OWNER_LABEL, "")), each["Image"],
                         max(time.time() - each["Created"], 0.0)) for each in found]

    def sweep(self) -> list[Leftover]:
        """Remove containers whose maker is dead, and those that were made and not started for long."""
        left = [each for each in self.containers()
                if is_dead(each.owner) or (each.status == "created" and each.age_s > STALE_S)]
        for each in left:
            self.remove(each.id)
        return left

    def remove(self, container: str) -> None:
        """Kill and remove a container; returns when it is gone. One that is gone already is fine."""
        try:
            self.api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409:  # 409: the engine is removing it already
                raise
            with suppress(docker.errors.NotFound):
                self.api.wait(container, condition="removed", timeout=_TIMEOUT_S)


def _knock() -> None:
    """Connect once by hand: the SDK leaves its socket open when there is nobody, and buries why in its message."""
    default = "" if sys.platform == "win32" else "unix:///var/run/docker.sock"
    address: str = docker.utils.kwargs_from_env().get("base_url") or default
    if address.startswith("unix://"):
        path = address.removeprefix("unix://")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from error


def image_reference(text: str) -> str:
    """Return the name of an image as it is. The engine's client would put anything else into a URL, too.

    Raises:
        ConfigError: it is no image reference.
    """
    if len(text) > 512 or not _IMAGE.fullmatch(text):
        raise ConfigError(f"{text[:100]!r} is no name of an image.",
                          "Set sandbox_image (AGENTFIX_SANDBOX_IMAGE) to one such as agentfix-python.")
    return text


@contextmanager
def open_engine() -> Generator[Engine]:
    """Connect to the engine for a while.

    Raises:
        SandboxUnavailableError: it can't be reached, or broke off.
    """
    engine = Engine()
    try:
        yield engine
    except ENGINE_ERRORS as error:
        raise unreachable(error) from error
    finally:
        engine.close()


def unreachable(error: Exception) -> SandboxUnavailableError:
    """Say why the engine can't be used, and what to do."""
    text = one_line(str(error), 300)
    if "permission denied" in text.lower():
        return SandboxUnavailableError(
            "This user may not use the Docker engine.",
            "Join its group and log in again: sudo usermod -aG docker $USER; or use --sandbox embedded.")
    return SandboxUnavailableError(
        f"The Docker engine can't be reached ({text}).",
        "Install or start it (https://docs.docker.com/engine/install/), or use --sandbox embedded.")
