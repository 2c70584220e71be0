"""Plain Python that the interpreter itself chokes on: what the embedded sandbox must bear, too."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

PROGRAMS = [
    Hostile("computes 9**9**9", "answer = 9**9**9", docker="timeout", embedded="timeout|oom", timeout_s=SHORT_S),
    Hostile("multiplies without end", "x = 3\nwhile True:\n    x = x * x", docker="timeout|oom",
            embedded="timeout|oom", timeout_s=SHORT_S),
    Hostile("writes a number of a million digits", "print(10**1_000_000)", docker="error", embedded="error",
            error="ValueError: Exceeds the limit"),
    Hostile("sums a range without end", "answer = sum(range(10**15))", docker="timeout", embedded="timeout|oom",
            timeout_s=SHORT_S),
    Hostile("makes a list of a range without end", "answer = list(range(10**15))", docker="oom|error",
            embedded="oom|timeout"),
    Hostile("makes a list of 10**10", "answer = [0] * 10**10", docker="oom", embedded="oom"),
    Hostile("repeats a text 10**11 times", "answer = 'ab' * 10**11", docker="oom", embedded="oom"),
    Hostile("replaces each letter by a million", "answer = ('a' * 10**6).replace('a', 'b' * 10**6)", docker="oom",
            embedded="oom"),
    Hostile("doubles a text 60 times", "answer = 'x'\nfor _ in range(60):\n    answer = answer + answer",
            docker="oom", embedded="oom"),
    Hostile("doubles a list 60 times", "answer = [1]\nfor _ in range(60):\n    answer = answer + answer",
            docker="oom", embedded="oom"),
    Hostile("pads to 10**11", "answer = f'{1:>100000000000}'", docker="oom|error", embedded="oom|error"),
    Hostile("pads to 10**9", "answer = f'{1:>1000000000}'", docker="oom|error", embedded="oom|error"),
    Hostile("justifies to 10**10", "answer = 'x'.ljust(10**10)", docker="oom", embedded="oom|error"),
    Hostile("shifts by 10**11", "answer = 1 << 10**11", docker="oom|error", embedded="oom|error"),
    Hostile("has an expression that goes back and back", "import re\nanswer = re.match('(a+)+$', 'a' * 60 + 'b')",
            docker="timeout", embedded="ok|timeout|error", timeout_s=SHORT_S),
    Hostile("calls itself without end", "def f():\n    return f()\nf()", docker="error", embedded="error",
            error="RecursionError"),
    Hostile("calls itself without end and catches it", """
def f():
    try:
        f()
    except RecursionError:
        f()
f()
""", docker="error|timeout|crash", embedded="error|timeout", timeout_s=SHORT_S),
    Hostile("calls itself without end and without limit", """
import sys
sys.setrecursionlimit(10**9)
def f():
    return f()
f()
""", docker="crash|oom|error"),
    Hostile("goes too deep in C", """
import sys
sys.setrecursionlimit(10**9)
x = []
for _ in range(10**6):
    x = [x]
repr(x)
""", docker="crash", signal="SIGSEGV"),
    Hostile("compares what is too deep", """
a, b = [], []
for _ in range(100_000):
    a, b = [a], [b]
answer = a == b
""", docker="error", embedded="error", error="RecursionError"),
    Hostile("wants to return what is too deep", "answer = []\nfor _ in range(100_000):\n    answer = [answer]",
            docker="error|ok", embedded="error|ok"),
    Hostile("holds itself", "answer = []\nanswer.append(answer)", value="[[...]]", embedded="ok|error"),
    Hostile("returns 100 MB", "answer = 'x' * 100_000_000", embedded="ok"),
    Hostile("returns a thing that never becomes text", """
class Endless:
    def __str__(self):
        while True:
            pass
answer = Endless()
""", docker="timeout", embedded="unsupported|timeout|ok", timeout_s=SHORT_S),
    Hostile("returns a thing that becomes 1 GB of text", """
class Large:
    def __str__(self):
        return 'x' * 1_000_000_000
answer = Large()
""", docker="oom", embedded="unsupported|oom|ok"),
    Hostile("returns a thing that exits instead of becoming text", """
class Odd:
    def __str__(self):
        raise SystemExit(0)
answer = Odd()
""", docker="error", embedded="unsupported|error|ok"),
    Hostile("returns a text that lies about itself", """
class Odd(str):
    def encode(self, *_):
        while True: pass
    def __len__(self):
        return -1
    def __str__(self):
        return self
answer = Odd('x')
""", docker="ok|error|timeout", embedded="unsupported|ok|error", timeout_s=SHORT_S),
    Hostile("sorts with a comparison that changes what is sorted", """
class Odd:
    def __lt__(self, other):
        things.clear()
        return True
things = [Odd() for _ in range(100)]
things.sort()
""", docker="ok|error", embedded="unsupported|error|ok"),
    Hostile("changes what it walks through", "d = {0: 0}\nfor k in d:\n    d[k + 1] = 0", docker="error",
            embedded="error|timeout|oom", timeout_s=SHORT_S),
    Hostile("lengthens what it walks through", "x = [0]\nfor each in x:\n    x.append(each)", docker="oom",
            embedded="oom"),
    Hostile("has a source of 200000 brackets", "(" * 200_000, docker="error", embedded="error|unsupported"),
    Hostile("has a source that nests 200 brackets", "answer = " + "(" * 150 + "1" + ")" * 150, embedded="ok|error"),
    Hostile("has a source of 100000 signs", "answer = " + "-" * 100_000 + "1", docker="error|crash|oom",
            embedded="error|unsupported"),
    Hostile("has a source of 100000 sums", "answer = " + "+".join(["1"] * 100_000), docker="error|crash|ok",
            embedded="error|unsupported|ok"),
    Hostile("has a source of 600 kB", "x = 1\n" * 100_000 + "answer = x", docker="ok|oom", embedded="ok|oom"),
    Hostile("has a source with NUL", "answer = 1\0", docker="error", embedded="error|ok"),
    Hostile("has a source that is no text", "answer = '\ud800'", docker="ok|error", embedded="ok|error"),
    Hostile("climbs to the classes of the interpreter", "answer = ().__class__.__bases__[0].__subclasses__()",
            embedded="unsupported|error"),
    Hostile("opens a file", "answer = open('/etc/passwd').read()", embedded="error"),
    Hostile("asks for the machine", "import os\nanswer = os.environ, os.listdir('/')", embedded="ok"),
    Hostile("makes a million functions", """
hoard = []
for i in range(10**9):
    hoard.append(lambda x=i: x)
""", docker="oom", embedded="oom|timeout"),
]
