"""What a box really has, as it read it back from its kernel, and whether that is what was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentfix.errors import IsolationError, SandboxLostError
from agentfix.sandbox.docker.frames import Words
from agentfix.sandbox.docker.kinds import BoxKind

_FILTERED = "2"
"""What the kernel calls a process whose system calls are filtered."""
_GUEST_KERNELS = ("gVisor",)

Amount: TypeAlias = Annotated[int, Field(ge=-1, lt=2**64)]
"""What a kernel counts; -1 where there is no limit."""


@dataclass(frozen=True, slots=True)
class Wall:
    """One thing that keeps programs in.

    Attributes:
        name: what it is.
        found: what the box read back.
        holds: whether that is what was asked for.
    """

    name: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Isolation:
    """The walls of one kind of box, and what stands around them."""

    walls: tuple[Wall, ...]
    surroundings: Mapping[str, str]
    """Kernel, runtime, and the like: nothing that could fail."""

    @property
    def missing(self) -> tuple[Wall, ...]:
        return tuple(wall for wall in self.walls if not wall.holds)

    def require(self) -> None:
        """Raises IsolationError when anything that was asked for is not there."""
        if self.missing:
            lacks = "; ".join(f"{wall.name}: {wall.found or 'none'}" for wall in self.missing)
            raise IsolationError(f"The Docker engine does not isolate programs as asked ({lacks}).",
                                 "See all of it: agentfix sandbox doctor. Programs are not run with less.")


class _Folder(BaseModel):
    bytes: Amount
    inodes: Amount
    executable: bool


class _Facts(BaseModel):
    """As sandboxes/python/worker/probe.py has them."""

    model_config = ConfigDict(strict=True)

    python: Words
    kernel: Words
    user: Amount
    user_map: Words
    capabilities: Amount
    no_new_privileges: bool
    seccomp: Words
    interfaces: list[Words]
    read_only_root: bool
    folders: dict[Words, _Folder | None]
    limits: dict[Words, Words]
    cpus: Annotated[float, Field(ge=0)] | None
    open_files: Amount
    refused: dict[Words, Words]


def read_isolation(facts: Mapping[str, Any], kind: BoxKind) -> Isolation:
    """Compare what a box found with what its kind asks for.

    Raises:
        SandboxLostError: these are no facts of ours.
    """
    try:
        found = _Facts.model_validate(facts)
    except ValidationError as error:
        raise SandboxLostError("The box does not say what keeps it in.",
                               "Build its image anew: agentfix sandbox build") from error
    guest = next((name for name in _GUEST_KERNELS if name.lower() in found.kernel.lower()), "")
    mapped = found.user_map.split()
    surroundings = {
        "kernel": found.kernel + (f" (a kernel of its own: {guest})" if guest else ""), "python": found.python,
        "user namespace": "none" if mapped[:2] == ["0", "0"] else f"root is {mapped[1] if mapped[1:] else 'unknown'}"}
    return Isolation((*_privileges(found, guest), *_folders(found, kind), *_limits(found, kind)), surroundings)


def _privileges(found: _Facts, guest: str) -> Iterator[Wall]:
    yield Wall("network", ", ".join(found.interfaces), set(found.interfaces) <= {"lo"})
    yield Wall("user", str(found.user), found.user != 0)
    yield Wall("capabilities", f"{found.capabilities:#x}", found.capabilities == 0)
    yield Wall("no new privileges", _yes(found.no_new_privileges), found.no_new_privileges)
    if not guest:  # a guest kernel answers system calls itself, and filters its own
        yield Wall("seccomp", "filtered" if found.seccomp == _FILTERED else "not filtered", found.seccomp == _FILTERED)
        for name, error in sorted(found.refused.items()):
            yield Wall(f"refuses {name.replace('_', ' ')}", error or "allowed", bool(error))


def _folders(found: _Facts, kind: BoxKind) -> Iterator[Wall]:
    yield Wall("read-only root", _yes(found.read_only_root), found.read_only_root)
    for path, folder in sorted(found.folders.items()):
        if folder is not None:
            what = f"{folder.bytes} bytes, {folder.inodes} files, {'' if folder.executable else 'not '}executable"
            # The kernel counts in pages.
            yield Wall(path, what, not folder.executable and 0 < folder.bytes <= kind.disk_bytes + 2**16)


def _limits(found: _Facts, kind: BoxKind) -> Iterator[Wall]:
    memory, swap, pids = (found.limits.get(name, "") for name in ("memory_bytes", "swap_bytes", "pids"))
    yield Wall("memory", memory, memory.isdecimal() and int(memory) <= kind.memory_bytes)
    # With the first version of cgroups, the limit of memory and swap together.
    yield Wall("swap", swap, not swap or (swap.isdecimal() and int(swap) <= kind.memory_bytes))
    yield Wall("processes", pids, pids.isdecimal() and int(pids) <= kind.pids)
    cpus = found.cpus
    yield Wall("processors", "no limit" if cpus is None else f"{cpus:g}", cpus is not None and cpus <= kind.cpus + 0.01)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
