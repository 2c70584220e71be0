"""How much of this machine a process may use: cores and memory, within the limits that were set for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/")
MANY_CORES = 4
"""Of more than these, where nobody tells, half are taken for the second threads of cores, as llama.cpp does."""


def cpu_threads(root: Path = ROOT) -> int:
    """One thread for each physical core that this process may run on, and no more than its share of processor time.

    A core's second thread adds next to nothing to what it computes, and llama.cpp's threads wait for the slowest.

    Args:
        root: where /proc and /sys are.
    """
    cpus = _allowed_cpus()
    cores = {_siblings(root, cpu) for cpu in cpus}
    untold = len(cpus) if len(cpus) <= MANY_CORES else len(cpus) // 2
    count = untold if None in cores else len(cores)
    return max(1, min([count, *(int(quota) for quota in _cpu_quotas(root))]))


def free_memory(root: Path = ROOT) -> int | None:
    """Bytes that this process may still take; None where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        lines = (root / "proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        return max(0, min([available, *_memory_limits(root)]))
    return None


def _allowed_cpus() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _siblings(root: Path, cpu: int) -> str | None:
    """What all threads of a core have in common."""
    with suppress(OSError):
        return (root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    return None


def _cpu_quotas(root: Path) -> Iterator[float]:
    for folder in _cgroups(root, "cpu"):
        with suppress(OSError, ValueError):  # `max` is no number, and no limit
            quota, period = map(int, (folder / "cpu.max").read_text().split())
            yield quota / period
        with suppress(OSError, ValueError):
            quota = int((folder / "cpu.cfs_quota_us").read_text())
            if quota > 0:
                yield quota / int((folder / "cpu.cfs_period_us").read_text())


def _memory_limits(root: Path) -> Iterator[int]:
    """What is left below each limit. Files that were read count as used, and are given back when memory is wanted."""
    names = (("memory.max", "memory.current", "inactive_file"),
             ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
    for folder in _cgroups(root, "memory"):
        for limit, usage, files in names:
            with suppress(OSError, ValueError):
                most = int((folder / limit).read_text())
                lines = (folder / "memory.stat").read_text().splitlines()
                given_back = sum(int(line.split()[1]) for line in lines if line.split()[:1] == [files])
                yield most - int((folder / usage).read_text()) + given_back


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """The control groups that bound this process, innermost first: man 7 cgroups."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or controller in controllers.split(","):
                top = root / "sys/fs/cgroup" / controllers
                inner = top / path.lstrip("/")
                yield from (place for place in (inner, *inner.parents) if place.is_relative_to(top))
