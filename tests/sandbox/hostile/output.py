"""Too much output, and output that is not what it seems."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

PROGRAMS = [
    Hostile("prints 1 GB", "for _ in range(1000):\n    print('x' * 1_000_000)", docker="output_limit",
            embedded="output_limit"),
    Hostile("writes 1 GB to its errors", """
import os
for _ in range(1000):
    data = b'x' * 1_000_000
    while data:
        data = data[os.write(2, data):]
""", docker="output_limit"),
    Hostile("prints without end, caught by nothing", """
while True:
    try:
        while True:
            print('again' * 1000)
    except BaseException:
        pass
""", docker="output_limit", embedded="output_limit"),
    Hostile("floods from many processes", """
import os
for _ in range(5):
    os.fork()
while True:
    os.write(1, b'x' * 65536)
""", docker="output_limit"),
    Hostile("floods from an orphan", """
import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        os.write(1, b'x' * 65536)
time.sleep(1000)
""", docker="output_limit"),
    Hostile("prints 5 MB in one line", "print('x' * 5_000_000, end='')", embedded="ok", shows=("xxx", "bytes cut")),
    Hostile("prints an endless trickle", "import os\nwhile True:\n    os.write(1, b'.')", docker="timeout|output_limit",
            timeout_s=SHORT_S),
    Hostile("prints bytes that are no text", "import os\nos.write(1, bytes(range(256)))\nos.write(2, b'\\xf0\\x9f')",
            embedded="error|unsupported", shows=("\\xff", "\\xf0\\x9f", "\0\1\2")),
    Hostile("prints NUL", "print('a\\0b')", embedded="ok", shows=("a\0b\n",)),
    Hostile("prints half a character", "import os\nos.write(1, 'é'.encode()[:1])", shows=("\\xc3",)),
    Hostile("prints what can't be encoded", "print(chr(0xd800))", embedded="ok|error"),
    Hostile("prints commands for a terminal", "print('\\x1b[2J\\x1b]0;title\\x07\\x9b31m')", embedded="ok",
            shows=("\x1b[2J\x1b]0;title\x07\x9b31m",)),
    Hostile("closes its outputs", "import os\nos.close(1)\nos.close(2)\nanswer = 1", value=1),
    Hostile("closes every descriptor", "import os\nos.closerange(0, 256)\nanswer = 1", docker="ok|error"),
    Hostile("takes its outputs away from Python", "import sys\nsys.stdout = sys.stderr = sys.stdin = None\nanswer = 1",
            embedded="error|unsupported", value=1),
    Hostile("puts an endless thing in the place of its outputs", """
import sys
class Endless:
    def __getattr__(self, name):
        while True:
            pass
sys.stdout = sys.stderr = Endless()
""", docker="ok|timeout", embedded="error|unsupported", timeout_s=SHORT_S),
    Hostile("reads what it printed itself", """
print('mine', flush=True)
with open('/proc/self/fd/1', 'rb', buffering=0) as mine:
    import os, select
    while select.select([mine], [], [], 0.01)[0]:
        os.read(mine.fileno(), 100)
answer = 1
""", value=1),
    Hostile("makes the pipe of its output small and slow", """
import fcntl, os
os.set_blocking(1, False)
fcntl.fcntl(1, 1031, 4096)  # F_SETPIPE_SZ
answer = 1
""", value=1),
    Hostile("raises a message of 5 MB", "raise ValueError('x' * 5_000_000)", docker="error", embedded="error",
            error="ValueError: xxx"),
    Hostile("raises a message of 50 MB", "raise ValueError('x' * 50_000_000)", docker="error|output_limit",
            embedded="error"),
    Hostile("raises a message with line breaks and commands",
            "raise ValueError('a\\nb\\r\\x1b[2J')", docker="error", embedded="error", error="ValueError: a b"),
    Hostile("raises a message that can't be read", """
class Odd(Exception):
    def __str__(self):
        raise SystemExit(0)
raise Odd
""", docker="error", embedded="unsupported|error", exit_code=1),
    Hostile("raises a message that never ends", """
class Endless(Exception):
    def __str__(self):
        while True:
            pass
raise Endless
""", docker="timeout", embedded="unsupported|timeout|error", timeout_s=SHORT_S),
    Hostile("raises a type without a name", """
class Meta(type):
    @property
    def __name__(cls):
        raise KeyboardInterrupt
class Odd(Exception, metaclass=Meta):
    pass
raise Odd
""", docker="error", embedded="unsupported|error"),
    Hostile("raises a chain of 10000 causes", """
error = None
for number in range(10_000):
    new = ValueError(number)
    new.__context__ = error
    error = new
raise error
""", docker="error|crash", embedded="unsupported|error"),
]
