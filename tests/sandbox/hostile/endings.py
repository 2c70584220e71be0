"""Odd ends, and no end."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

FOREVER = "while True:\n    pass"

PROGRAMS = [
    Hostile("never ends", FOREVER, docker="timeout", embedded="timeout", timeout_s=SHORT_S),
    Hostile("never ends and catches everything", """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
    finally:
        pass
""", docker="timeout", embedded="timeout", timeout_s=SHORT_S),
    Hostile("never ends and ignores every signal", f"""
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
{FOREVER}
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("sleeps", "import time\ntime.sleep(1000)", docker="timeout", embedded="timeout", timeout_s=SHORT_S),
    Hostile("stops itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", docker="timeout",
            timeout_s=SHORT_S),
    Hostile("waits for itself", "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
            docker="timeout", timeout_s=SHORT_S),
    Hostile("has a thread that never ends", f"""
import threading
def forever():
    {FOREVER.replace(chr(10), chr(10) + '    ')}
threading.Thread(target=forever).start()
answer = 1
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("has a daemon thread that never ends", f"""
import threading
def forever():
    {FOREVER.replace(chr(10), chr(10) + '    ')}
threading.Thread(target=forever, daemon=True).start()
answer = 1
""", value=1),
    Hostile("never ends when it should exit", f"""
import atexit
@atexit.register
def forever():
    {FOREVER.replace(chr(10), chr(10) + '    ')}
answer = 1
""", docker="timeout|ok", timeout_s=SHORT_S),
    Hostile("reads its input", "input()", docker="error", error="EOFError"),
    Hostile("reads its input to the end", "import sys, os\nanswer = sys.stdin.read() + str(os.read(0, 10))",
            value="b''"),
    Hostile("reads address 0", "import ctypes\nctypes.string_at(0)", docker="crash", signal="SIGSEGV"),
    Hostile("aborts", "import os\nos.abort()", docker="crash", signal="SIGABRT"),
    Hostile("kills itself", "import os\nos.kill(os.getpid(), 9)", docker="crash", signal="SIGKILL"),
    Hostile("terminates itself", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", docker="crash",
            signal="SIGTERM"),
    Hostile("interrupts itself", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass",
            docker="error", error="KeyboardInterrupt"),
    Hostile("sets an alarm that ends it", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile True: pass",
            docker="crash", signal="SIGALRM"),
    Hostile("limits its own processor time", """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
while True: pass
""", docker="crash|oom", signal="SIGKILL"),
    Hostile("exits at once, well", "import os\nos._exit(0)", exit_code=0, value=None),
    Hostile("exits at once, with 7", "import os\nos._exit(7)", docker="error", exit_code=7),
    Hostile("exits with 300", "import sys\nsys.exit(300)", docker="error", exit_code=300 % 256),
    Hostile("exits with 256", "import sys\nsys.exit(256)", docker="error"),
    Hostile("exits with a text", "import sys\nsys.exit('no luck')", docker="error", exit_code=1, shows=("no luck",)),
    Hostile("exits with a thing that never becomes text", """
class Endless:
    def __str__(self):
        while True:
            pass
raise SystemExit(Endless())
""", docker="timeout", embedded="unsupported|timeout|error", timeout_s=SHORT_S),
    Hostile("exits in a thread", """
import sys, threading
threading.Thread(target=sys.exit, args=(5,)).start()
answer = 1
""", value=1),
    Hostile("exits at once in a thread", """
import os, threading
threading.Thread(target=os._exit, args=(5,)).start()
while True: pass
""", docker="error", exit_code=5),
    Hostile("forks and lets both return", "import os\nanswer = os.fork() > 0", docker="ok"),
    Hostile("forks and lets the child fail", """
import os
if os.fork() == 0:
    raise ValueError('of the child')
os.wait()
answer = 'of the parent'
""", docker="ok", value="of the parent"),
    Hostile("deletes a thing that fights back", """
class Undead:
    def __del__(self):
        hoard.append(Undead())
        hoard.append(Undead())
hoard = []
Undead()
answer = 1
for _ in range(1000):
    hoard.pop()
""", embedded="unsupported|ok|error"),
]
