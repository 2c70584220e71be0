"""Programs that share their variables: cells, each of which can be undone.

The session is a process that holds the variables. Before a cell it forks: the child runs the cell and is the session
from then on, and the parent, the checkpoint, is ended; if the child dies, the parent is the session again, with the
variables as they were before the cell. Threads don't survive a fork, so a session that has some runs cells without
a checkpoint.
"""

import os
import signal
import socket
import struct
import threading
import time

from . import calls, process, program, wire
from .watch import Watch

GRACE_S = 0.5
"""A cell that is out of time is interrupted, and killed so much later: what it caught and saved is kept."""
STUCK_S = 5.0
"""A session that takes no cell for so long is none any more."""
MESSAGE_BYTES = 1 << 20
LENGTH = struct.Struct(">I")
_dumps = wire.json.dumps
_getpid, _leave = os.getpid, os._exit
_signal, _getsignal, _SIGINT, _SIG_IGN = signal.signal, signal.getsignal, signal.SIGINT, signal.SIG_IGN


class LostError(Exception):
    """Nobody holds the variables any more."""


class Session:
    """The session, as process 1 sees it. What comes from there is as trustworthy as the programs that ran in it."""

    def __init__(self):
        self._pid = 0
        self._control = None

    def run(self, request, code, folder):
        """Run a cell; returns the fields of the frame `done`, and the artefacts.

        Raises:
            OSError: nothing could be started.
            wire.ClosedError: the host is gone.
        """
        before, kills = folder.files(), process.oom_kills()
        first = not self._pid
        if first:
            self._start()
        output, errors, (channel, theirs) = os.pipe(), os.pipe(), calls.channel()
        watch = Watch({output[0]: "stdout", errors[0]: "stderr"}, request["timeout_s"], request["most_output_bytes"],
                      channel)
        try:
            try:
                self._ask(request, code, (output[1], errors[1], theirs.fileno()))
            finally:
                os.close(output[1])
                os.close(errors[1])
                theirs.close()
            done = self._follow(watch)
            done["state"] = done["state"] or ("fresh" if first else "kept")
        except LostError:
            done = self._lose()
        watch.drain()
        os.close(output[0])
        os.close(errors[0])
        channel.close()
        artefacts = folder.artefacts(before)
        return {"clean": True, "seconds": watch.seconds, "stopped_for": watch.stopped_for,
                "oom_kills": process.oom_kills() - kills, **done}, artefacts

    def _start(self):
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                control = theirs.detach()
                namespace = program.become(1, 2, control)
                _serve(socket.socket(fileno=control), namespace)
            finally:
                os._exit(program.BROKEN)
        theirs.close()
        self._pid, self._control = pid, ours

    def _ask(self, request, code, descriptors):
        try:
            self._control.settimeout(STUCK_S)
            socket.send_fds(self._control, [LENGTH.pack(len(code))], descriptors)
            self._control.sendall(_packed({"want": request["want"], "functions": request["functions"]}) + code)
        except OSError:
            raise LostError from None

    def _follow(self, watch):
        """Until the cell has ended or been ended."""
        runner, stage, used = 0, 0, 0.0
        while True:
            ready = watch.step((self._control,))
            if self._control in ready:
                message = _receive(self._control)
                if message["type"] != "running":
                    return self._ended(message, runner, used)
                runner = message["pid"]
                if runner == self._pid:  # no child, whose processor time would begin at nothing
                    used = _cpu_seconds(runner)
            if watch.stopped_for and watch.deadline is None:
                stage, watch.deadline = self._end(runner, stage), time.monotonic() + GRACE_S

    def _end(self, runner, stage):
        """Interrupt the cell, then kill it, then everything. Returns how far it went."""
        if stage == 0 and self._is_ours(runner) and _interrupt(runner):
            return 1
        if stage < 2:
            process.kill_others({self._pid} - {runner})
            return 2
        process.kill_all()
        return stage

    def _is_ours(self, pid):
        """Whether a process that says that it runs the cell is the session, or the session's child."""
        return pid == self._pid or process.parent_of(pid) == self._pid

    def _ended(self, message, runner, used):
        if message["type"] == "rolled_back":
            process.kill_others({self._pid})
            return {"state": "rolled_back", "exit_code": message["exit_code"], "signal": message["signal"],
                    "cpu_seconds": message["cpu_seconds"], "peak_memory_bytes": message["peak_memory_bytes"],
                    "report": ""}
        if not self._is_ours(runner):
            raise LostError
        process.kill_others({runner})
        self._pid = runner
        try:
            cpu_seconds, peak_bytes = process.usage_of(runner)
        except OSError:
            raise LostError from None
        return {"state": "", "exit_code": message["exit_code"], "signal": None,
                "cpu_seconds": max(0.0, cpu_seconds - used), "peak_memory_bytes": peak_bytes,
                "report": message["report"]}

    def _lose(self):
        process.kill_all()
        ended = process.reap_all(self._pid)
        self._control.close()
        self._pid, self._control = 0, None
        return {"state": "lost", "exit_code": ended.exit_code, "signal": ended.signal,
                "cpu_seconds": ended.cpu_seconds, "peak_memory_bytes": ended.peak_memory_bytes, "report": ""}


def _cpu_seconds(pid):
    try:
        return process.usage_of(pid)[0]
    except OSError:
        return 0.0


def _interrupt(pid):
    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return False
    return True


def _packed(message):
    text = _dumps(message).encode()
    return LENGTH.pack(len(text)) + text


def _receive(control):
    """A message of the session.

    Raises:
        LostError: there is nobody, or it is none of ours.
    """
    try:
        control.settimeout(GRACE_S)  # a message comes whole, or whoever sends it is not the session
        length = LENGTH.unpack(_exactly(control, LENGTH.size))[0]
        message = wire.json.loads(_exactly(control, min(length, MESSAGE_BYTES)))
        return {name: kind(message[name]) for name, kind in _FIELDS[message["type"]].items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise LostError from None
    finally:
        control.settimeout(None)


def _exactly(control, count):
    data = b""
    while len(data) < count:
        piece = control.recv(min(count - len(data), 65536))
        if not piece:
            raise LostError
        data += piece
    return data


def _small(value):
    return None if value is None else int(value) & 0xFF


def _amount(value):
    value = float(value)
    if not 0 <= value < 2**62:
        raise ValueError
    return value


_FIELDS = {
    "running": {"type": str, "pid": int},
    "done": {"type": str, "exit_code": _small, "report": str},
    "rolled_back": {"type": str, "exit_code": _small, "signal": _small, "cpu_seconds": _amount,
                    "peak_memory_bytes": lambda value: int(_amount(value))},
}


# --- in the session's own process ------------------------------------------------------------------------------------


def _serve(control, namespace):
    """Run cells until process 1 ends this process."""
    number, folder, fork = 0, os.getcwd(), os.fork
    handler = _ignore_interrupts()
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 3)
        if len(descriptors) != 3:
            os._exit(program.BROKEN)
        *outputs, channel = descriptors
        code_bytes = LENGTH.unpack(data)[0]
        asked = wire.json.loads(_exactly(control, LENGTH.unpack(_exactly(control, LENGTH.size))[0]))
        code = program.held(_exactly(control, code_bytes).decode("utf-8", "surrogatepass"))
        number += 1
        if threading.active_count() == 1 and (child := fork()):
            control.sendall(_packed({"type": "rolled_back", **_await(child, descriptors)}))
            continue
        with socket.socket(fileno=channel) as end:
            given = calls.stubs(asked["functions"], end)
            namespace.update(given)
            handler = _run_cell(control, code, asked["want"], namespace, f"<cell {number}>", outputs, folder, handler)
            for name in [name for name in given if namespace.get(name) is given[name]]:
                del namespace[name]


def _await(child, descriptors):
    """Be the checkpoint while the cell runs. Returns only if it died."""
    for descriptor in descriptors:
        os.close(descriptor)
    process.set_oom_score(500)  # the cell goes first
    _, status, usage = os.wait4(child, 0)
    process.set_oom_score(1000)
    ended = process.Ended.of(status, usage)
    return {"exit_code": ended.exit_code, "signal": ended.signal, "cpu_seconds": ended.cpu_seconds,
            "peak_memory_bytes": ended.peak_memory_bytes}


def _run_cell(control, code, want, namespace, name, outputs, folder, handler):
    """Returns what handles interrupts now. Between cells nothing does: one that comes late ends no session."""
    pid, packed, send = _getpid(), _packed, control.sendall
    program.point_output_at(*outputs)
    for descriptor in outputs:
        os.close(descriptor)
    send(packed({"type": "running", "pid": pid}))
    out_of_time = {"error": "KeyboardInterrupt"}, 1  # while the report was being made
    try:
        try:
            _signal(_SIGINT, handler)
            report, status = program.run(code, namespace, want, name)
            program.save_figures(folder)
            program.flush()
        except KeyboardInterrupt:
            report, status = out_of_time
        handler = _ignore_interrupts()
    except KeyboardInterrupt:
        report, status = out_of_time
        handler = _ignore_interrupts()
    if _getpid() != pid:
        _leave(status)  # a process that the cell forked, and that did not end itself
    send(packed({"type": "done", "exit_code": status, "report": _dumps(report)}))
    program.point_output_at(0, 0)
    program.flush()
    return handler


def _ignore_interrupts():
    """Returns what handled them."""
    while True:
        try:
            handler = _getsignal(_SIGINT)
            _signal(_SIGINT, _SIG_IGN)
        except BaseException:  # one that came before it was ignored, to whatever handler the program has
            continue
        return signal.default_int_handler if handler is None else handler
