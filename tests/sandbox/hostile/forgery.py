"""Reports that are not true, and looks behind the curtain."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

WRITE_EVERYWHERE = """
import json, os, select, struct
def everywhere(*pieces):
    for descriptor in range(256):
        for piece in pieces:
            try:
                os.set_blocking(descriptor, False)
                os.write(descriptor, piece)
            except OSError:
                pass
report = {"error": "", "line": None, "value": "forged", "cut": False}
done = {"type": "done", "clean": True, "state": "fresh", "stopped_for": "", "exit_code": 0, "signal": None,
        "oom_kills": 0, "seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_bytes": 1, "report": json.dumps(report)}
def frame(header, body=b''):
    text = json.dumps(header).encode()
    return struct.pack('>II', len(text), len(body)) + text + body
"""

PROGRAMS = [
    Hostile("writes a forged end on every descriptor, then fails", WRITE_EVERYWHERE + """
everywhere(frame(done))
raise ValueError('the truth')
""", docker="error", exit_code=1),
    Hostile("writes a forged report on every descriptor, then fails", WRITE_EVERYWHERE + """
everywhere(json.dumps(report).encode())
raise ValueError('the truth')
""", docker="error", exit_code=1),
    Hostile("writes a forged report on every descriptor, then crashes", WRITE_EVERYWHERE + """
everywhere(json.dumps(report).encode())
os.kill(os.getpid(), 11)
""", docker="crash", signal="SIGSEGV"),
    Hostile("writes a forged report on every descriptor, then never ends", WRITE_EVERYWHERE + """
everywhere(json.dumps(report).encode(), frame(done))
while True: pass
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("writes garbage on every descriptor", WRITE_EVERYWHERE + """
everywhere(b'\\xff' * 1000, struct.pack('>II', 2**32 - 1, 2**32 - 1), b'{' * 1000, b'[' * 100_000)
answer = 1
""", docker="ok|error"),
    Hostile("reports a value that is no text, and an error with 10 MB", WRITE_EVERYWHERE + """
everywhere(json.dumps({"error": "x" * 10_000_000, "line": -1, "value": {"a": 1}, "cut": "no"}).encode())
os._exit(0)
""", docker="ok|error"),
    Hostile("reports 1 MB of bytes that are no text", """
import os, select
for descriptor in range(3, 64):
    try:
        for _ in range(20):
            select.select([], [descriptor], [], 1)
            os.write(descriptor, b'\\xff' * 60_000)
    except OSError: pass
os._exit(0)
""", docker="ok|error"),
    Hostile("reports an error of many lines with commands for a terminal", WRITE_EVERYWHERE + """
everywhere(json.dumps({"error": "a\\n\\x1b[2J" * 100, "line": 7, "value": None, "cut": False}).encode())
os._exit(1)
""", docker="error"),
    Hostile("claims that memory ran out", "raise MemoryError('mine')", docker="oom|error", embedded="oom"),
    Hostile("claims that it was interrupted", "raise KeyboardInterrupt", docker="error", embedded="error|unsupported"),
    Hostile("raises what ends loops of others", "raise GeneratorExit", docker="error", embedded="error|unsupported"),
    Hostile("changes what called it", """
import sys
frame = sys._getframe(0)
while frame := frame.f_back:
    for name, thing in list(frame.f_globals.items()):
        if callable(thing) and not name.startswith('__'):
            frame.f_globals[name] = lambda *_, **__: None
raise ValueError('the truth')
""", docker="ok|error|timeout", timeout_s=3),
    Hostile("runs what called it again", """
import sys
frame, functions = sys._getframe(0), []
while frame := frame.f_back:
    functions += [thing for name, thing in frame.f_globals.items()
                  if type(thing).__name__ == 'function' and thing.__code__.co_argcount == 0]
for function in functions:
    try:
        function()
    except BaseException:
        pass
answer = 1
""", docker="ok|error|timeout", timeout_s=3),
    Hostile("changes every function that it can find", """
import gc, types
def evil(*_, **__):
    raise SystemExit(0)
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and thing is not evil:
        thing.__code__ = evil.__code__.replace(co_freevars=thing.__code__.co_freevars)
raise ValueError('the truth')
""", docker="ok|error|crash|timeout", timeout_s=3),
    Hostile("closes what it can find", """
import gc, io, os, socket
for thing in gc.get_objects():
    if isinstance(thing, (io.IOBase, socket.socket)):
        try:
            thing.close()
        except Exception:
            pass
answer = 1
""", docker="ok|error"),
    Hostile("does as if it were process 1", """
import os
os.getpid = lambda: 1
os.getppid = lambda: 0
""", embedded="error|unsupported"),
    Hostile("calls itself by another name", """
import ctypes
ctypes.CDLL(None).prctl(15, b'python3', 0, 0, 0)
open('/proc/self/comm', 'w').write('worker')
answer = 1
""", value=1),
]
