"""Programs that begin from a clean state: each in a fork of process 1, which has imported beforehand what they need.

The fork for the next program is made while none runs, so that nobody waits for it.
"""

import json
import os

from . import calls, process, program
from .scratch import FileError
from .watch import CHUNK, Watch

REPORT_BYTES = 1 << 20


class Fresh:
    """Runs programs, one at a time, and keeps a process ready for the next."""

    def __init__(self):
        self._spare = None

    def prepare(self):
        """Make the next program's process, if there is none."""
        if self._spare is None:
            try:
                self._spare = _Spare()
            except OSError:  # whoever runs a program next is told
                pass

    def give_up(self):
        """End the process that is kept ready."""
        if self._spare is not None:
            process.kill_all()
            process.reap_all(self._spare.pid)
            self._spare.close()
            self._spare = None

    def run(self, request, code, folder):
        """Run one program; returns the fields of the frame `done`, and the artefacts.

        Raises:
            OSError: nothing could be started.
            wire.ClosedError: the host is gone.
        """
        before, kills = folder.files(), process.oom_kills()
        spare, self._spare = self._spare or _Spare(), None
        try:
            spare.begin(request, code)
        except BrokenPipeError:  # the kernel took it for memory that others needed
            process.reap_all(spare.pid)
            spare.close()
            spare = _Spare()
            spare.begin(request, code)
        watch = Watch({spare.output: "stdout", spare.errors: "stderr"}, request["timeout_s"],
                      request["most_output_bytes"], spare.channel)
        report = _follow(spare, watch)
        seconds = watch.seconds
        process.kill_all()
        ended = process.reap_all(spare.pid)
        watch.drain()
        spare.close()
        done = {"state": "fresh", "stopped_for": watch.stopped_for, "exit_code": ended.exit_code,
                "signal": ended.signal, "oom_kills": process.oom_kills() - kills, "seconds": seconds,
                "cpu_seconds": ended.cpu_seconds, "peak_memory_bytes": ended.peak_memory_bytes,
                "report": report.decode("utf-8", "replace"), "clean": True}
        artefacts = folder.artefacts(before)
        try:
            folder.reset()
        except (OSError, FileError):
            done["clean"] = False
        return done, artefacts


class _Spare:
    """A process that is ready to become a program.

    Raises:
        OSError: there can't be one.
    """

    def __init__(self):
        descriptors = []
        try:
            for _ in range(4):
                descriptors += os.pipe()
            source, self._source, self.outcome, outcome, self.output, output, self.errors, errors = descriptors
            self.channel, channel = calls.channel()
            descriptors += self.channel.fileno(), channel.fileno()
            self.pid = os.fork()
        except OSError:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        if self.pid == 0:
            try:
                _become_program(source, outcome, output, errors, channel)
            finally:
                os._exit(program.BROKEN)
        for descriptor in (source, outcome, output, errors):
            os.close(descriptor)
        channel.close()

    def begin(self, request, code):
        with os.fdopen(self._source, "wb") as source:
            self._source = None
            source.write(json.dumps([request["want"], request["functions"]]).encode() + b"\n" + code)

    def close(self):
        for descriptor in (self._source, self.outcome, self.output, self.errors):
            if descriptor is not None:
                os.close(descriptor)
        self.channel.close()


def _become_program(source, outcome, output, errors, channel):
    namespace = program.become(output, errors, source, outcome, channel.fileno())
    want, names, code = _read(source)
    namespace.update(calls.stubs(names, channel))
    program.run_and_exit(code, namespace, want, outcome)


def _read(source):
    with os.fdopen(source, "rb") as file:
        head, _, code = file.read().partition(b"\n")
    return *json.loads(head), program.held(code.decode("utf-8", "surrogatepass"))


def _follow(spare, watch):
    """Until the program has ended or been ended. Returns what it reports of itself."""
    report, ending = b"", os.pidfd_open(spare.pid)
    waiting = {ending, spare.outcome}
    try:
        while ending in waiting:
            ready = watch.step(waiting)
            if watch.stopped_for:
                process.kill_all()
            if spare.outcome in ready:
                piece = os.read(spare.outcome, CHUNK)
                report = (report + piece)[:REPORT_BYTES]
                if not piece:
                    waiting.discard(spare.outcome)
            if ending in ready:
                waiting.discard(ending)
        return report + _rest(spare.outcome)
    finally:
        os.close(ending)


def _rest(outcome):
    """What is in the pipe still: something else may hold its other end."""
    os.set_blocking(outcome, False)
    pieces = []
    try:
        while len(pieces) < REPORT_BYTES // CHUNK and (piece := os.read(outcome, CHUNK)):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces)
