"""One program's run as it is told by a box, and the result that is made of it."""

from __future__ import annotations

import codecs
import time
from dataclasses import dataclass, field

from agentfix.protocols import Artefact, ExecResult, ExecStatus, Limits, OnOutput, OutputStream
from agentfix.sandbox.docker.frames import ArtefactFrame, Done, Failed, Output, Received, Report, read_report
from agentfix.sandbox.media import media_type
from agentfix.sandbox.output import KILL_BYTES, HeadTail, one_line

_MOST_ARTEFACTS = 100
_MOST_ARTEFACT_BYTES = 16 * 2**20


@dataclass
class Run:
    """Keeps what a box tells of a program.

    Args:
        limits: of the program.
        on_output: called with what is printed, as it comes.
    """

    limits: Limits
    on_output: OnOutput | None = None
    started: float | None = None
    """When it was sent to the box; None: it can't have begun."""
    _streams: dict[OutputStream, HeadTail] = field(init=False)
    _decoders: dict[OutputStream, codecs.IncrementalDecoder] = field(init=False)
    _artefacts: list[Artefact] = field(default_factory=list[Artefact])
    _artefact_bytes: int = 0
    _done: Done | None = None
    _failed: str = ""
    _overtime: bool = False

    def __post_init__(self) -> None:
        self._streams = {"stdout": HeadTail(self.limits.output_bytes), "stderr": HeadTail(self.limits.output_bytes)}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("backslashreplace"), "stderr": decoder("backslashreplace")}

    @property
    def spoilt(self) -> bool:
        """Whether the box can't be used again."""
        return self._done is not None and not self._done.clean

    def begin(self) -> None:
        """The program is about to be sent to the box."""
        self.started = time.monotonic()

    def take(self, received: Received) -> bool:
        """Take a frame. Returns whether it is the last of this run."""
        match received.frame:
            case Output(stream=stream):
                self._printed(stream, received.body)
            case ArtefactFrame() as frame:
                self._left(frame, received.body)
            case Done() as done:
                self._done = done
            case Failed(error=error):
                self._failed = error or "it does not say why"
            case _:  # a frame that answers something else says nothing of a program
                pass
        return self._done is not None or bool(self._failed)

    def overtime(self) -> None:
        """The box did not tell of the program's end in time."""
        self._overtime = True

    def result(self, sandbox: str) -> ExecResult:
        """What happened.

        Args:
            sandbox: the name of the sandbox.
        """
        if self._done is not None:
            return self._result(self._done, sandbox)
        if self._failed:
            return ExecResult("spawn_failed", error=one_line(f"the program could not be started: {self._failed}"),
                              sandbox=sandbox)
        seconds = time.monotonic() - self.started if self.started is not None else 0.0
        return ExecResult(
            "timeout", self._streams["stdout"].text(), self._streams["stderr"].text(), error=self._time_limit(),
            truncated=self._truncated, seconds=seconds, sandbox=sandbox, state="lost" if self._overtime else "fresh")

    def _result(self, done: Done, sandbox: str) -> ExecResult:
        report = read_report(done)
        status, error = self._outcome(done, report)
        ended = status in ("ok", "error")
        return ExecResult(
            status, self._streams["stdout"].text(), self._streams["stderr"].text(),
            (done.exit_code or (1 if status == "error" else 0)) if ended else None,
            value=report.value if status == "ok" else None, error=one_line(error),
            line=report.line if status in ("error", "oom") else None, truncated=self._truncated or report.cut,
            seconds=done.seconds, peak_memory_bytes=done.peak_memory_bytes, sandbox=sandbox,
            signal=done.signal_name if status in ("crash", "oom", "timeout", "output_limit") else "",
            cpu_seconds=done.cpu_seconds, artefacts=tuple(self._artefacts), state=done.state)

    def _outcome(self, done: Done, report: Report) -> tuple[ExecStatus, str]:
        if done.stopped_for == "timeout":
            return "timeout", self._time_limit()
        if done.stopped_for == "output_limit":
            return "output_limit", f"more than {KILL_BYTES} bytes of output"
        if done.stopped_for == "host":
            return "timeout", "it was stopped"
        said = one_line(report.error)
        starved = f"memory limit of {self.limits.memory_bytes} bytes reached"
        if done.signal is not None:
            if done.oom_kills > 0 and done.signal_name == "SIGKILL":
                return "oom", starved
            return "crash", f"killed by {done.signal_name}"
        if report.memory and done.exit_code != 0:
            return "oom", said or starved
        child = f" (a process of it was killed: {starved})" if done.oom_kills > 0 else ""
        if done.exit_code == 0 and not said:
            return "ok", child.strip()
        return "error", (said or f"exited with status {done.exit_code}") + child

    def _printed(self, stream: OutputStream, data: bytes) -> None:
        self._streams[stream].add(data)
        if self.on_output is not None and (text := self._decoders[stream].decode(data)):
            self.on_output(stream, text)

    def _left(self, frame: ArtefactFrame, data: bytes) -> None:
        self._artefact_bytes += len(data)
        if len(self._artefacts) < _MOST_ARTEFACTS and self._artefact_bytes <= _MOST_ARTEFACT_BYTES:
            self._artefacts.append(Artefact(frame.path, media_type(data), frame.size_bytes,
                                            data if frame.whole else None))

    @property
    def _truncated(self) -> bool:
        return any(stream.truncated for stream in self._streams.values())

    def _time_limit(self) -> str:
        return f"time limit of {self.limits.timeout_s:g} s reached"
