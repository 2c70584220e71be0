"""How a program of Monty's ended, and the result that is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pydantic_monty as monty

from agentfix.protocols import Artefact, ExecResult, ExecStatus, Limits, OutputStream
from agentfix.sandbox.dialect import missing_feature, syntax_error
from agentfix.sandbox.embedded.failure import Failure
from agentfix.sandbox.embedded.process import Usage
from agentfix.sandbox.output import KILL_BYTES, VALUE_BYTES, HeadTail, one_line

NAME = "embedded"
Reason: TypeAlias = Literal["timeout", "output_limit", "cancelled", "closed", "fault"]
"""Why the host ended a program."""

_EXIT = re.compile(r"SystemExit(?:: (.*))?", re.DOTALL)
_SIGNAL = re.compile(r"\((?:signal: )?\d+ \((SIG\w+)\)|signal: \d+ \((SIG\w+)\)")


@dataclass(frozen=True, slots=True)
class Ending:
    """What was seen of a program."""

    code: str
    limits: Limits
    streams: Mapping[OutputStream, HeadTail]
    complain: Callable[[str], None]
    """Adds a line to standard error, as CPython does when a program fails."""
    failure: Failure | None
    stopped: Reason | None
    out_of_time: bool
    value: str | None
    seconds: float
    usage: Usage
    artefacts: tuple[Artefact, ...]

    def result(self) -> ExecResult:
        """What happened. Called in the caller's thread, because a look at syntax touches the warning filters."""
        failure = self.failure
        if self.stopped == "output_limit":
            return self._as("output_limit", error=f"more than {KILL_BYTES} bytes of output", signal="SIGKILL")
        if self.stopped == "timeout":
            return self._timeout("SIGKILL")
        if failure is None:
            return self._as("ok", exit_code=0, value=self.value)
        if failure.kind is monty.MontySyntaxError:
            return self._rejected(failure)
        if failure.kind is monty.MontyRuntimeError:
            return self._failed(failure)
        if failure.out_of_memory:
            return self._as("oom", error=failure.message)
        found = _SIGNAL.search(failure.message)
        killer = (found[1] or found[2]) if found else ""
        if killer in ("SIGKILL", "SIGXCPU") and self.out_of_time:
            return self._timeout(killer)
        return self._as("crash", error=failure.message, signal=killer)

    def _rejected(self, failure: Failure) -> ExecResult:
        problem = syntax_error(self.code)
        if problem is not None:
            return self._as("error", exit_code=1, error=one_line(problem[0]), line=problem[1])
        return self._lacking(failure.message, failure.line)

    def _failed(self, failure: Failure) -> ExecResult:
        message = failure.message
        if failure.out_of_time:
            return self._timeout()
        if failure.out_of_memory:
            return self._as("oom", error=message, line=failure.line)
        if exited := _EXIT.fullmatch(message):
            return self._exited(exited[1] or "", failure)
        feature = missing_feature(message, self.code)
        if feature is not None:
            return self._lacking(feature, failure.line)
        self.complain(failure.trace)
        return self._as("error", exit_code=1, error=message, line=failure.line)

    def _exited(self, said: str, failure: Failure) -> ExecResult:
        """`raise SystemExit`: of a number, or of words for standard error."""
        number = re.fullmatch(r"-?\d{1,10}", said)
        code = int(said) & 0xFF if number else 1
        if said in ("", "None", "0"):
            return self._as("ok", exit_code=0)
        if not number:
            self.complain(said)
        return self._as("error", exit_code=code or 1, error=failure.message, line=failure.line)

    def _timeout(self, killer: str = "") -> ExecResult:
        return self._as("timeout", error=f"time limit of {self.limits.timeout_s:g} s reached", signal=killer)

    def _lacking(self, feature: str, line: int | None) -> ExecResult:
        return self._as("unsupported", error=f"Not in the embedded sandbox: {feature}.", line=line)

    def _as(self, status: ExecStatus, *, exit_code: int | None = None, value: str | None = None, error: str = "",
            line: int | None = None, signal: str = "") -> ExecResult:
        stdout, stderr = self.streams["stdout"], self.streams["stderr"]
        cut = stdout.truncated or stderr.truncated or (self.failure is not None and self.failure.cut)
        if value is not None and len(value.encode("utf-8", "backslashreplace")) > VALUE_BYTES:
            value, cut = value.encode("utf-8", "backslashreplace")[:VALUE_BYTES].decode("utf-8", "ignore"), True
        return ExecResult(status, stdout.text(), stderr.text(), exit_code, value, error, line, cut, self.seconds,
                          self.usage.peak_memory_bytes, NAME, signal, self.usage.cpu_seconds, self.artefacts)
