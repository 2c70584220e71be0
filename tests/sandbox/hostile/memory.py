"""Too much memory, in every way that it can be taken."""

from __future__ import annotations

from tests.sandbox.hostile.program import Hostile

EAT = "hoard = []\nwhile True:\n    hoard.append(b'x' * 1_000_000)"

PROGRAMS = [
    Hostile("takes 3 GB at once", "answer = 'x' * 3_000_000_000", docker="oom", embedded="oom"),
    Hostile("takes memory in small pieces", "hoard = []\nwhile True:\n    hoard.append((len(hoard), [len(hoard)]))",
            docker="oom", embedded="oom"),
    Hostile("takes memory in large pieces", "hoard = []\nwhile True:\n    hoard.append('x' * 1_000_000)",
            docker="oom", embedded="oom"),
    Hostile("takes memory and catches the refusal", """
hoard = []
while True:
    try:
        hoard.append('x' * 1_000_000)
    except MemoryError:
        pass
""", docker="oom|timeout", embedded="oom|timeout", timeout_s=3),
    Hostile("takes memory in a child", f"""
import os
child = os.fork()
if child == 0:
    {EAT.replace(chr(10), chr(10) + '    ')}
answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (-9, 1)
""", value=True),
    Hostile("takes memory in many children", """
import os, time
for _ in range(20):
    if os.fork() == 0:
        hoard = b'x' * 40_000_000
        time.sleep(1000)
time.sleep(1000)
""", docker="oom|timeout", timeout_s=2),
    Hostile("makes process 1 look like the largest", """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            try:
                open('/proc/self/oom_score_adj', 'w').write('0')
            except OSError:
                pass
            hoard = b'x' * 4_000_000
            while True:
                hoard += b'x' * 100_000
                time.sleep(0.01)
except OSError:
    time.sleep(1000)
""", docker="oom|timeout|crash", timeout_s=3),
    Hostile("takes memory as files without names", """
import os
files = []
while True:
    files.append(os.memfd_create('hoard'))
    for _ in range(30):
        os.write(files[-1], bytes(1_000_000))
""", docker="oom"),
    Hostile("takes shared memory that outlives processes", """
import mmap, os
areas = []
while True:
    areas.append(mmap.mmap(-1, 20_000_000))
    areas[-1].write(b'x' * 20_000_000)
""", docker="oom"),
    Hostile("fills shared memory files, keeps them open and is orphaned", """
import os, time
file = open('/dev/shm/hoard', 'wb', buffering=0)
try:
    while True:
        file.write(bytes(1_000_000))
except OSError:
    pass
os.unlink('/dev/shm/hoard')
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
answer = 1
""", value=1),
    Hostile("takes the kernel's memory as pipes", """
import fcntl, os
pipes = []
try:
    while True:
        pipes.append(os.pipe())
        os.set_blocking(pipes[-1][1], False)
        try:
            fcntl.fcntl(pipes[-1][1], 1031, 1 << 20)  # F_SETPIPE_SZ
        except OSError:
            pass
        os.write(pipes[-1][1], bytes(1 << 20))
except OSError as error:
    answer = len(pipes) < 256
""", docker="ok|oom", value=True),
    Hostile("asks to be the last one to be killed", f"""
for score in ('-1000', '-1', '0'):
    try:
        open('/proc/self/oom_score_adj', 'w').write(score)
    except OSError:
        pass
{EAT}
""", docker="oom", embedded="oom"),
    Hostile("asks to have process 1 killed first", f"""
try:
    open('/proc/1/oom_score_adj', 'w').write('1000')
except PermissionError:
    {EAT.replace(chr(10), chr(10) + '    ')}
""", docker="oom", embedded="error"),
]
