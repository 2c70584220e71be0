"""Who made a container, written on it: so that what a killed process left behind can be told and removed."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_LABEL = "org.agentfix.owner"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_owner() -> str:
    """This process, as a label: the boot and process namespace it lives in, its id, and when it began."""
    return f"{_here()}:{os.getpid()}:{_began(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether the process of a label is known to be gone. One of another machine or namespace never is."""
    here, _, process = owner.partition(":")
    pid, _, began = process.partition(":")
    if here != _here() or not pid.isdecimal() or not began.isdecimal():
        return False
    return _began(int(pid)) != int(began)


def _here() -> str:
    """Where process ids mean what they mean here; empty where the system does not tell."""
    try:
        return f"{_BOOT_ID.read_text(encoding='ascii').strip()}/{os.readlink(_NAMESPACE)[5:-1]}"  # noqa: PTH115
    except OSError:
        return ""


def _began(pid: int) -> int:
    """When a process began, in ticks since the boot; 0 when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0
