"""Too many processes, and processes that won't go."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

PROGRAMS = [
    Hostile("forks 300 times", """
import os, time
made = 0
try:
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(1000)
        made += 1
except BlockingIOError:
    pass
answer = 10 < made < 64
""", value=True),
    Hostile("forks without end", "import os\nwhile True: os.fork()", docker="error|timeout", timeout_s=SHORT_S),
    Hostile("forks without end and takes no refusal", """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("runs a fork bomb of the shell", """
import os
os.system("bash -c ':(){ :|:& };:' 2>/dev/null")
""", docker="ok|timeout", timeout_s=SHORT_S),
    Hostile("starts 10000 threads", """
import threading, time
for _ in range(10000):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""", docker="error", error="RuntimeError: can't start new thread"),
    Hostile("leaves a daemon behind that holds its output", """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
os.wait()
answer = 1
""", value=1),
    Hostile("leaves children behind that catch all they can", """
import os, signal, time
for _ in range(5):
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            time.sleep(0.01)
answer = 1
""", value=1),
    Hostile("leaves a stopped child behind", """
import os, signal
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
answer = 1
""", value=1),
    Hostile("leaves a child behind that prints when its parent is gone", """
import os, time
if os.fork() == 0:
    while os.getppid() > 1:
        time.sleep(0.01)
    while True:
        os.write(1, b'too late')
answer = 1
""", value=1),
    Hostile("leaves children behind that replace each other", """
import os
if os.fork() == 0:
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
answer = 1
""", value=1),
    Hostile("leaves dead children unburied", """
import os
for _ in range(30):
    if os.fork() == 0:
        os._exit(0)
answer = 1
""", value=1),
    Hostile("adopts orphans", """
import ctypes, os, time
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
answer = 1
""", value=1),
    Hostile("keeps all processors busy", """
import os
for _ in range(8):
    if os.fork() == 0:
        break
while True:
    pass
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("kills all others", """
import os, time
child = os.fork()
if child == 0:
    time.sleep(1000)
os.kill(-1, 9)
answer = os.waitpid(child, 0)[1]
""", value=9),
    Hostile("stops all others", """
import os, signal, time
child = os.fork()
if child == 0:
    time.sleep(1000)
os.kill(-1, signal.SIGSTOP)
answer = os.waitpid(child, os.WUNTRACED)[0] == child
""", value=True),
    Hostile("kills its parent", "import os\nos.kill(os.getppid(), 9)\nanswer = os.getppid()", value=1),
    Hostile("kills its group", "import os\nos.killpg(0, 9)", docker="crash", signal="SIGKILL"),
    Hostile("sends every signal to process 1", """
import os, signal, ctypes
answer = 0
for number in range(1, 65):
    try:
        os.kill(1, number)
        signal.pidfd_send_signal(os.pidfd_open(1), number)
        answer += 1
    except OSError:  # the C library keeps two for itself
        pass
answer = answer > 60
""", value=True),
    Hostile("floods process 1 with signals", """
import os, signal
for _ in range(20_000):
    os.kill(1, signal.SIGCHLD)
    os.kill(1, signal.SIGINT)
answer = 1
""", value=1),
    Hostile("becomes another program that sleeps", "import os\nos.execvp('sleep', ['sleep', '1000'])",
            docker="timeout", timeout_s=SHORT_S),
    Hostile("becomes another program that ends well", "import os\nanswer = 1\nos.execvp('true', ['true'])", value=None),
]
