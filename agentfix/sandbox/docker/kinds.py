"""What distinguishes one box from another: boxes of one kind are interchangeable."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix.protocols import Limits

PREIMPORT_BYTES = 256 * 2**20
"""With less memory than this, nothing is imported beforehand: what is imported takes a part of it."""


@dataclass(frozen=True, slots=True)
class BoxKind:
    """What a container is made from, and its walls."""

    image: str
    """The id of the image, not its name: a name may come to mean another one."""
    memory_bytes: int
    pids: int
    cpus: float
    disk_bytes: int
    preimports: tuple[str, ...] = ()
    """Modules that are imported before any program comes."""
    runtime: str = ""
    """The engine's container runtime; its default when empty."""

    @classmethod
    def of(cls, image: str, limits: Limits, preimports: tuple[str, ...], runtime: str) -> BoxKind:
        """The kind of box that a program with these limits needs."""
        # Scratch space counts as memory: full folders must leave room for a program.
        disk_bytes = min(limits.disk_bytes, limits.memory_bytes // 4)
        enough = limits.memory_bytes >= PREIMPORT_BYTES
        return cls(image, limits.memory_bytes, limits.pids, limits.cpus, disk_bytes, preimports if enough else (),
                   runtime)
