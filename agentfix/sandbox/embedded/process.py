"""Measures and bounds a program in a process of ours, with what the kernel offers; less on systems other than Linux."""

from __future__ import annotations

import math
import os
import re
import resource
import time
from contextlib import suppress
from dataclasses import dataclass

_PEAK = re.compile(rb"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program used."""

    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None


class Meter:
    """Begins to measure when it is made.

    Args:
        pid: of the process.
        cpu_s: the kernel ends the process after so much more processor time, also when nobody is left to do it.
    """

    def __init__(self, pid: int, cpu_s: float) -> None:
        self._pid = pid
        self._cpu_before_s = _cpu_seconds(pid)
        _bound_cpu(pid, (self._cpu_before_s or 0.0) + cpu_s)
        _forget_peak(pid)

    def usage(self) -> Usage:
        """What was used so far; the process must not have been reaped."""
        cpu_s = _cpu_seconds(self._pid)
        spent = cpu_s - self._cpu_before_s if cpu_s is not None and self._cpu_before_s is not None else None
        return Usage(spent, _peak_bytes(self._pid))


def _cpu_seconds(pid: int) -> float | None:
    """The processor time of a process so far, from its clock (clock_getcpuclockid); None where there is none."""
    try:
        return time.clock_gettime((~pid) << 3 | 2)
    except (OSError, OverflowError):
        return None


def _bound_cpu(pid: int, seconds: float) -> None:
    with suppress(OSError, ValueError, AttributeError):  # not on Linux
        _, hard = resource.prlimit(pid, resource.RLIMIT_CPU)
        resource.prlimit(pid, resource.RLIMIT_CPU, (math.ceil(seconds), hard))


def _forget_peak(pid: int) -> None:
    with suppress(OSError):  # not on Linux, or /proc is not ours
        file = os.open(f"/proc/{pid}/clear_refs", os.O_WRONLY)
        try:
            os.write(file, b"5")
        finally:
            os.close(file)


def _peak_bytes(pid: int) -> int | None:
    """The largest memory of a process since its peak was forgotten."""
    try:
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        found = _PEAK.search(os.read(file, 8192))
    finally:
        os.close(file)
    return int(found[1]) * 1024 if found else None
