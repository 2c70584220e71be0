"""Programs that begin from a clean state: each a fork of process 1, which has imported beforehand what they need."""

import os

from . import process, program, wire
from .scratch import FileError
from .watch import CHUNK, Watch

REPORT_BYTES = 1 << 20


def run(request, code, folder):
    """Run one program; returns the fields of the frame `done`, and the artefacts.

    Raises:
        OSError: nothing could be started.
        wire.ClosedError: the host is gone.
    """
    before, kills = folder.files(), process.oom_kills()
    outcome, output, errors = pipes = os.pipe(), os.pipe(), os.pipe()
    wire.send({"type": "started"})
    try:
        child = os.fork()
    except OSError:
        for descriptor in (*outcome, *output, *errors):
            os.close(descriptor)
        raise
    if child == 0:
        namespace = program.become(output[1], errors[1], outcome[1])
        program.run_and_exit(code, namespace, request["want"], outcome[1])
    for _, write_end in pipes:
        os.close(write_end)
    watch = Watch({output[0]: "stdout", errors[0]: "stderr"}, request["timeout_s"], request["most_output_bytes"])
    report = _follow(child, watch, outcome[0])
    seconds = watch.seconds
    process.kill_all()
    ended = process.reap_all(child)
    watch.drain()
    watch.close()
    done = {"state": "fresh", "stopped_for": watch.stopped_for, "exit_code": ended.exit_code, "signal": ended.signal,
            "oom_kills": process.oom_kills() - kills, "seconds": seconds, "cpu_seconds": ended.cpu_seconds,
            "peak_memory_bytes": ended.peak_memory_bytes, "report": report.decode("utf-8", "replace"), "clean": True}
    artefacts = folder.artefacts(before)
    try:
        folder.reset()
    except (OSError, FileError):
        done["clean"] = False
    return done, artefacts


def _follow(child, watch, outcome):
    """Until the program has ended or been ended. Returns what it reports of itself."""
    report, ending = b"", os.pidfd_open(child)
    waiting = {ending, outcome}
    try:
        while ending in waiting:
            ready = watch.step(waiting)
            if watch.stopped_for:
                process.kill_all()
            if outcome in ready:
                piece = os.read(outcome, CHUNK)
                report = (report + piece)[:REPORT_BYTES]
                if not piece:
                    waiting.discard(outcome)
            if ending in ready:
                waiting.discard(ending)
        os.set_blocking(outcome, False)
        return report + _rest(outcome)
    finally:
        os.close(ending)
        os.close(outcome)


def _rest(outcome):
    pieces = []
    try:
        while len(pieces) < REPORT_BYTES // CHUNK and (piece := os.read(outcome, CHUNK)):
            pieces.append(piece)
    except BlockingIOError:  # something else still holds the other end
        pass
    return b"".join(pieces)
