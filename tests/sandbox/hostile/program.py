"""What a row of the tables is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentfix import Limits
from tests.sandbox.calls import NUMBERS

LIMITS = Limits(timeout_s=30, memory_bytes=256 * 2**20)
"""Long enough for a busy machine: only programs that never end get a shorter time."""
SHORT_S = 1.0
ANY = "any value"


@dataclass(frozen=True, slots=True)
class Hostile:
    """A program that tries to do harm.

    Args:
        name: what it does.
        code: the program.
        docker: how its end must be told by the docker sandbox; `|` stands between statuses that chance decides on.
        embedded: the same for the embedded sandbox. `unsupported`: it lacks what the program would need for its harm.
        value: what the variable `answer` must be on docker, as text; by default anything. Of a mapping, each value is
            one text or more, with `|` between them.
        exit_code: what it must be on docker; by default anything.
        signal: the name of the signal that must have ended it on docker; by default anything.
        error: how the error must begin on docker.
        shows: what must stand in its output on docker.
        timeout_s: its time limit, in seconds.
    """

    name: str
    code: str
    docker: str = "ok"
    embedded: str = "unsupported"
    value: object = ANY
    exit_code: int | None = None
    signal: str | None = None
    error: str = ""
    shows: tuple[str, ...] = ()
    timeout_s: float = LIMITS.timeout_s


_ATTEMPTS = """
import ctypes, errno, os, platform, resource, signal, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
numbers, column = {numbers!r}, 0 if platform.machine() == 'x86_64' else 1
def call(name, *arguments):
    return libc.syscall(numbers[name][column], *map(ctypes.c_long, arguments))
answer = {{}}
for attempt in {attempts!r}:
    ctypes.set_errno(0)
    try:
        result = eval(attempt)
        failed = result == -1 and ctypes.get_errno()
        answer[attempt] = errno.errorcode[ctypes.get_errno()] if failed else repr(result)
    except OSError as error:
        answer[attempt] = errno.errorcode.get(error.errno, type(error).__name__)
"""


def attempts(name: str, outcomes: Mapping[str, str]) -> Hostile:
    """A program that tries one thing after the other.

    Args:
        name: what it does.
        outcomes: each expression that is tried to the name of the error that it must fail with, or to the `repr` of
            what it must come to; `|` stands between those that the machine decides on.
    """
    code = _ATTEMPTS.format(numbers=NUMBERS, attempts=list(outcomes))
    return Hostile(name, code, value=dict(outcomes))
