"""Process 1 of the docker sandbox: runs one program in a child process and reports what became of it.

Standard library only. It reads one request (u32 length, JSON) from standard input and writes frames (a type byte, u32
length, payload) to standard output: S when the program starts, O and E with what it printed, R with the report.

The child gets pipes for its output and never the real standard output; this process is made undumpable, so that the
child can't reach it through /proc or ptrace either. A program can therefore only shape the report of its own child, and
how that child ended is read from the kernel.
"""

import ctypes
import json
import linecache
import os
import select
import signal
import struct
import sys
import time
import traceback
import types

PROGRAM = "<program>"
CHUNK = 65536
REPORT_BYTES = 1 << 20
PR_SET_DUMPABLE = 4


def main():
    _dumpable(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 is deaf to signals that it has no handler for
    request = _request()
    outcome, output, errors = os.pipe(), os.pipe(), os.pipe()
    kills = _oom_kills()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _become_program(request, outcome[1], output[1], errors[1])
        return  # the interpreter ends as it would after any program: threads are joined, buffers flushed
    for _, write_end in (outcome, output, errors):
        os.close(write_end)
    _frame(b"S", b"")
    status, usage, report = _watch(child, outcome[0], {output[0]: b"O", errors[0]: b"E"})
    _frame(b"R", json.dumps({
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "oom_kills": _oom_kills() - kills,
        "seconds": time.monotonic() - started,
        "peak_memory_bytes": usage.ru_maxrss * 1024,
        "report": report.decode("utf-8", "replace"),
    }).encode())
    os._exit(0)


def _request():
    (length,) = struct.unpack(">I", _read_exactly(4))
    return json.loads(_read_exactly(length))


def _read_exactly(count):
    data = b""
    while len(data) < count:
        piece = os.read(0, min(count - len(data), CHUNK))
        if not piece:
            os._exit(0)
        data += piece
    return data


def _frame(kind, payload):
    data = kind + struct.pack(">I", len(payload)) + payload
    while data:
        data = data[os.write(1, data):]


def _watch(child, outcome, streams):
    """Forward output until the child has ended and all its pipes are drained."""
    report, ended = b"", None
    pidfd = os.pidfd_open(child)
    waiting = {outcome, 0, pidfd, *streams}
    while waiting - {0}:
        for descriptor in select.select(list(waiting), [], [])[0]:
            if descriptor == pidfd:
                _, status, usage = os.wait4(child, 0)
                ended = status, usage
                waiting.discard(pidfd)
                _kill_the_rest()
                continue
            data = os.read(descriptor, CHUNK)
            if descriptor in streams and data:
                _frame(streams[descriptor], data)
            elif descriptor == outcome and data:
                report = (report + data)[:REPORT_BYTES]
            elif not data and descriptor == 0:
                os._exit(0)  # the host is gone; the kernel kills everything in here with process 1
            elif not data:
                waiting.discard(descriptor)
    return *ended, report


def _kill_the_rest():
    """What the program left running would hold the pipes open. One call, so that a fork bomb can't outrun it."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _oom_kills():
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            with open(path) as lines:
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        except OSError:
            continue
    return 0


def _dumpable(value):
    if ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, int(value), 0, 0, 0) != 0:
        raise OSError("prctl refused")


def _become_program(request, outcome, output, errors):
    """In the child: run the program as `__main__`, report how it ended, and set the exit status."""
    _dumpable(True)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # under memory pressure the kernel takes the program, not process 1
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.set_inheritable(outcome, False)
    os.closerange(3, outcome)
    os.closerange(outcome + 1, 64)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    want, limit = request.pop("want"), request.pop("value_bytes")
    sys.argv, sys.path[0] = [PROGRAM], os.getcwd()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    report, status = _run(request.pop("code"), module.__dict__)
    if not status and want in module.__dict__:
        report, status = _read_value(module.__dict__[want], limit)
    data = json.dumps(report).encode()
    while data:
        data = data[os.write(outcome, data):]
    os.close(outcome)
    if status:
        sys.exit(status)


def _run(code, namespace):
    """The report of a program, and its exit status."""
    try:
        exec(compile(code, PROGRAM, "exec", dont_inherit=True), namespace)
    except SystemExit as error:
        if error.code is None or error.code == 0:
            return {}, 0
        if isinstance(error.code, int):
            return {"error": f"SystemExit: {error.code}", "line": _line(error)}, (error.code & 0xFF) or 1
        print(error.code, file=sys.stderr)
        return {"error": _in_one_line(error), "line": _line(error)}, 1
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != PROGRAM:
            trace = trace.tb_next
        # Not before: while it runs, a program finds its source nowhere that it would look without meaning to.
        linecache.cache[PROGRAM] = (len(code), None, code.splitlines(keepends=True), PROGRAM)
        traceback.print_exception(type(error), error, trace)
        return {"error": _in_one_line(error), "line": _line(error)}, 1
    return {}, 0


def _read_value(value, limit):
    try:
        text = str(value)
    except BaseException as error:
        return {"error": _in_one_line(error), "line": None}, 1
    data = text.encode("utf-8", "backslashreplace")
    return {"value": data[:limit].decode("utf-8", "ignore"), "cut": len(data) > limit}, 0


def _line(error):
    if isinstance(error, SyntaxError) and error.filename == PROGRAM:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _in_one_line(error):
    name = type(error).__name__
    try:
        message = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    except BaseException:
        message = "(its message can't be read)"
    return f"{name}: {message}"[:2000] if message else name


if __name__ == "__main__":
    main()
