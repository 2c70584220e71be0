"""Cells that try to do harm to the session that they share, and to what keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.sandbox.hostile.program import LIMITS, SHORT_S


@dataclass(frozen=True, slots=True)
class HostileCell:
    """A cell that is run after one that set `x = 41`.

    Args:
        name: what it does.
        code: the cell.
        status: how its end must be told on docker; `|` stands between those that chance decides on.
        states: what may have become of the variables on docker.
        embedded: the same two for the embedded sandbox.
        spoils: whether the session may be of no use any more where its variables are kept.
    """

    name: str
    code: str
    status: str
    states: str
    embedded: tuple[str, str] = ("unsupported|error", "kept|rolled_back|lost")
    timeout_s: float = LIMITS.timeout_s
    spoils: bool = False


ANY_STATE = "kept|rolled_back|lost"
ANY_STATUS = "ok|error|timeout|crash"

SEND = """
import json, os, socket, struct, threading
def packed(message):
    text = json.dumps(message).encode()
    return struct.pack('>I', len(text)) + text
def everywhere(*messages):
    for descriptor in range(3, 256):
        try:
            os.set_blocking(descriptor, False)
            os.write(descriptor, b''.join(packed(message) for message in messages))
        except OSError:
            pass
done = {"type": "done", "exit_code": 0, "report": json.dumps({"value": "forged"})}
gone = {"type": "rolled_back", "exit_code": 0, "signal": None, "cpu_seconds": 0.0, "peak_memory_bytes": 1}
"""

CELLS = [
    HostileCell("never ends", "while True:\n    pass", "timeout", "kept|rolled_back",
                ("timeout", ANY_STATE), SHORT_S),
    HostileCell("never ends and catches everything",
                "x = 0\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout",
                "kept|rolled_back", ("timeout", ANY_STATE), SHORT_S, spoils=True),
    HostileCell("never ends in C", "import itertools\nx = 0\nx = max(itertools.count())", "timeout", "rolled_back",
                ("timeout", "rolled_back"), SHORT_S),
    HostileCell("takes all memory", "hoard = []\nwhile True:\n    hoard.append('x' * 1_000_000)", "oom",
                "kept|rolled_back", ("oom", ANY_STATE)),
    HostileCell("crashes", "x = 0\nimport ctypes\nctypes.string_at(0)", "crash", "rolled_back"),
    HostileCell("exits at once", "x = 0\nimport os\nos._exit(3)", "error", "rolled_back"),
    HostileCell("exits at once, well", "x = 0\nimport os\nos._exit(0)", "ok|error", "rolled_back"),
    HostileCell("exits", "import sys\nsys.exit(3)", "error", "kept|rolled_back"),
    HostileCell("fails", "1 / 0", "error", "kept", ("error", "kept|rolled_back")),
    HostileCell("prints without end", "while True:\n    print('x' * 100_000)", "output_limit", "kept|rolled_back",
                ("output_limit", ANY_STATE)),
    HostileCell("prints on when it is interrupted", "try:\n    while True:\n        print('x' * 100_000)\n"
                "except KeyboardInterrupt:\n    for _ in range(100):\n        print('y' * 100_000)", "output_limit",
                "kept", ("output_limit|unsupported", ANY_STATE)),
    HostileCell("kills its parent", "import os\nos.kill(os.getppid(), 9)", "ok|crash|error", "kept|rolled_back|lost"),
    HostileCell("kills all others", "import os\nos.kill(-1, 9)", "ok|crash|error", "kept|rolled_back|lost"),
    HostileCell("stops all others", "import os, signal\nos.kill(-1, signal.SIGSTOP)", "ok|crash|error|timeout",
                ANY_STATE, timeout_s=SHORT_S),
    HostileCell("kills its parent and itself", "import os\nos.kill(os.getppid(), 9)\nos.kill(os.getpid(), 9)",
                "crash|error", "lost|rolled_back"),
    HostileCell("stops its parent and crashes",
                "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos.kill(os.getpid(), 11)",
                "crash|error|timeout", ANY_STATE, timeout_s=SHORT_S),
    HostileCell("stops itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "timeout",
                "kept|rolled_back", timeout_s=SHORT_S),
    HostileCell("forks without end", "import os\nwhile True:\n    os.fork()", "error|timeout", ANY_STATE,
                timeout_s=SHORT_S),
    HostileCell("forks and lets both go on", "import os\nos.fork()", "ok", "kept"),
    HostileCell("leaves a daemon behind", """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
""", "ok", "kept"),
    HostileCell("leaves a thread behind that never ends", """
import threading
def forever():
    while True: pass
threading.Thread(target=forever, daemon=True).start()
""", "ok", "kept"),
    HostileCell("leaves a thread behind that takes all memory", """
import threading
def eat():
    hoard = []
    while True: hoard.append('x' * 1_000_000)
threading.Thread(target=eat, daemon=True).start()
import time
time.sleep(1000)
""", "oom|timeout|crash|error", ANY_STATE, timeout_s=3),
    HostileCell("leaves a timer behind that ends the session", """
import signal
signal.setitimer(signal.ITIMER_REAL, 0.05)
""", "ok|crash", ANY_STATE),
    HostileCell("ignores every signal", """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
""", "ok", "kept"),
    HostileCell("closes every descriptor", "import os\nos.closerange(0, 256)", "ok|error|crash", ANY_STATE,
                spoils=True),
    HostileCell("takes the system from Python", """
import os, socket, json
for module in (os, socket, json):
    for name in list(vars(module)):
        if not name.startswith('__'): setattr(module, name, None)
""", "ok|error|crash", ANY_STATE, spoils=True),
    HostileCell("overwrites what is built in", """
import builtins
for name in ('print', 'exec', 'compile', 'len', 'str', 'repr', 'BaseException', 'isinstance', 'type'):
    setattr(builtins, name, None)
""", "ok|error|crash", ANY_STATE, spoils=True),
    HostileCell("adds a hook that refuses everything", """
import sys
def hook(event, _):
    raise RuntimeError('no')
sys.addaudithook(hook)
""", "ok|error|crash", ANY_STATE, spoils=True),
    HostileCell("deletes all variables", "for name in list(globals()):\n    del globals()[name]\nx = 41", "ok|error",
                "kept"),
    HostileCell("removes its working folder's files and permissions",
                "import os\nos.mkdir('d')\nos.chmod('d', 0)\ntry: os.chmod('.', 0)\nexcept OSError: pass", "ok",
                "kept"),
    HostileCell("says that it is done before it is", SEND + "everywhere(done)\nwhile True: pass",
                ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says that process 1 runs it",
                SEND + 'everywhere({"type": "running", "pid": 1}, done)\nwhile True: pass',
                ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    *(HostileCell(f"says that process {pid} runs it, and never ends",
                  SEND + f'everywhere({{"type": "running", "pid": {pid}}})\nwhile True: pass',
                  ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True) for pid in (1, -1, 0, 999_999, 2**70)),
    HostileCell("says that it was rolled back", SEND + "everywhere(gone)\nwhile True: pass",
                ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says that it used odd amounts", SEND + """
everywhere({**gone, "cpu_seconds": "nan", "peak_memory_bytes": -(2**80), "exit_code": 10**30, "signal": 3000})
while True: pass
""", ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says nonsense", SEND + """
everywhere(["type"], {"type": []}, {"type": "none"}, {"type": "done"}, 7)
while True: pass
""", ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says the beginning of a message", SEND + """
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b'\\0')
    except OSError: pass
while True: pass
""", ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says that it is done from an orphan, without end", SEND + """
if os.fork() == 0:
    os.setsid()
    while True: everywhere(done)
""", ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("says that it is done from a thread, without end", SEND + """
def say():
    while True: everywhere(done)
threading.Thread(target=say, daemon=True).start()
""", ANY_STATUS, ANY_STATE, timeout_s=SHORT_S, spoils=True),
    HostileCell("reads the messages of others", SEND + """
for descriptor in range(3, 256):
    try:
        os.set_blocking(descriptor, False)
        os.read(descriptor, 100_000)
    except OSError: pass
""", ANY_STATUS, ANY_STATE, spoils=True),
    HostileCell("reads the messages of others for ever", SEND + """
def read(descriptor):
    while True:
        try: os.read(descriptor, 100_000)
        except OSError: return
for descriptor in range(3, 20):
    threading.Thread(target=read, args=(descriptor,), daemon=True).start()
""", ANY_STATUS, ANY_STATE, spoils=True),
]
