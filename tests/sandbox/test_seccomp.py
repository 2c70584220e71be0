"""The allowed system calls: the profile's shape, what works under it, and with what error the rest is refused."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest

from agentfix.sandbox.docker.engine import LABEL, Engine
from agentfix.sandbox.docker.owners import OWNER_LABEL, this_owner
from agentfix.sandbox.docker.seccomp import profile
from tests.sandbox.calls import NUMBERS

MASK_32 = 0xFFFFFFFF


def rules() -> list[dict[str, Any]]:
    return json.loads(profile())["syscalls"]


def test_the_profile_is_one_line_that_refuses_by_default() -> None:
    whole = json.loads(profile())
    assert "\n" not in profile()
    assert whole["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {each["architecture"] for each in whole["archMap"]} == {"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"}
    assert not any(each["subArchitectures"] for each in whole["archMap"]), "the 32-bit ABIs are off"


def test_a_call_with_conditions_is_nowhere_allowed_without_them() -> None:
    conditional = {name for rule in rules() if rule.get("args") for name in rule["names"]}
    for rule in rules():
        if not rule.get("args"):
            assert conditional.isdisjoint(rule["names"])
            assert len(rule["names"]) == len(set(rule["names"]))


def test_no_rule_looks_at_an_argument_twice() -> None:
    """The engine would take the second look for an alternative."""
    for rule in rules():
        indices = [each["index"] for each in rule.get("args", ())]
        assert len(indices) == len(set(indices))


def test_no_value_lies_outside_of_its_mask() -> None:
    """Such a rule would never match."""
    for rule in rules():
        for each in rule.get("args", ()):
            assert each["op"] == "SCMP_CMP_MASKED_EQ" and each["valueTwo"] & ~each["value"] == 0


SPECIAL = {
    "clone3": "ENOSYS", "io_uring_enter": "ENOSYS", "io_uring_register": "ENOSYS", "io_uring_setup": "ENOSYS",
    "setxattr": "ENOTSUP",
}
"""Refused with another error than EPERM."""
CONDITIONAL = {"clone", "ioctl", "mknodat", "personality", "prctl", "prlimit64", "sched_setaffinity",
               "sched_setscheduler", "setpriority", "socket"}

AF_UNIX, AF_INET, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP = 1, 2, 16, 17, 38, 40, 44
STREAM, DGRAM, RAW, SEQPACKET, CLOEXEC = 1, 2, 3, 5, 0o2000000
BY_ARGUMENTS = [
    # What a call does once it is let through tells that it was: OK, or an error of its own.
    ("socket", (AF_UNIX, STREAM | CLOEXEC, 0), "OK"),
    ("socket", (AF_UNIX, SEQPACKET, 0), "OK"),
    ("socket", (AF_INET, STREAM | CLOEXEC, 0), "OK"),
    ("socket", (AF_INET, DGRAM, 17), "OK"),
    ("socket", (AF_INET, RAW, 255), "EPERM"),
    ("socket", (AF_INET, SEQPACKET, 132), "EPERM"),
    ("socket", (AF_INET, STREAM, 262), "EPERM"),
    ("socket", (AF_INET, DGRAM, 1), "EPERM"),
    ("socket", (AF_NETLINK, RAW, 0), "EPERM"),
    ("socket", (AF_PACKET, DGRAM, 0), "EPERM"),
    ("socket", (AF_ALG, SEQPACKET, 0), "EPERM"),
    ("socket", (AF_VSOCK, STREAM, 0), "EPERM"),
    ("socket", (AF_XDP, RAW, 0), "EPERM"),
    *(("clone", (flag | 17, 0, 0, 0, 0), "EPERM")
      for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)),
    ("ioctl", (0, 0x5401, 0), "ENOTTY"),
    ("ioctl", (0, 0x5412, 0), "EPERM"),
    ("ioctl", (0, 0x541C, 0), "EPERM"),
    ("ioctl", (0, 0x100005412, 0), "EPERM"),
    ("personality", (MASK_32,), "OK"),
    ("personality", (0x40000,), "EPERM"),
    ("personality", (8,), "EPERM"),
    ("prlimit64", (0, 7, 0, 0), "OK"),
    ("prlimit64", (1, 7, 0, 0), "EPERM"),
    ("sched_setaffinity", (0, 8, 0), "EFAULT"),
    ("sched_setaffinity", (1, 8, 0), "EPERM"),
    ("sched_setscheduler", (0, 0, 0), "EINVAL"),
    ("sched_setscheduler", (1, 0, 0), "EPERM"),
    ("setpriority", (0, 0, 1), "OK"),
    ("setpriority", (0, 1, 1), "EPERM"),
    ("setpriority", (2, 0, 1), "EPERM"),
    ("prctl", (3, 0, 0, 0, 0), "OK"),
    ("prctl", (22, 1, 0, 0, 0), "EPERM"),
    ("prctl", (0x59616D61, 1, 0, 0, 0), "EPERM"),
    ("mknodat", (-100, 0, 0o010600, 0), "EFAULT"),
    ("mknodat", (-100, 0, 0o020600, 0), "EPERM"),
    ("mknodat", (-100, 0, 0o060600, 0), "EPERM"),
]

ATTEMPTS = """
import ctypes, errno, json
libc = ctypes.CDLL(None, use_errno=True)
results = []
for number, arguments in json.loads(%r):
    ctypes.set_errno(0)
    libc.syscall(number, *map(ctypes.c_long, arguments))
    results.append(errno.errorcode.get(ctypes.get_errno(), "OK"))
print(json.dumps(results))
"""

WORKS = {
    "numpy with its BLAS": "import numpy\na = numpy.eye(200) * 2\nassert numpy.linalg.det(a @ a / 4) == 1",
    "sympy": "import sympy\nassert sympy.integrate(sympy.Symbol('x')) == sympy.Symbol('x')**2 / 2",
    "threads": "from concurrent.futures import ThreadPoolExecutor as E\nassert list(E(4).map(abs, [-1, -2])) == [1, 2]",
    "forked workers": "import multiprocessing as m\nwith m.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
    "spawned workers": """
open('/tmp/main.py', 'w').write('''import multiprocessing as m
if __name__ == '__main__':
    with m.get_context('spawn').Pool(1) as pool: assert pool.map(abs, [-1]) == [1]
''')
import subprocess, sys
subprocess.run([sys.executable, '/tmp/main.py'], check=True)""",
    "shared memory": "import multiprocessing.shared_memory as m\nm.SharedMemory(create=True, size=9).unlink()",
    "subprocesses of asyncio": """
import asyncio
async def main():
    process = await asyncio.create_subprocess_shell('echo hi | wc -c', stdout=-1)
    assert (await process.communicate())[0].strip() == b'3'
asyncio.run(main())""",
    "pipes and tools of the shell": """
import subprocess
script = '''set -eu; cd /tmp; seq 20 | sort -r | head -n 1 > a; mkfifo f; cp -a /etc/passwd b; mv b /dev/shm/c
tar cf e.tar -C /etc passwd; gzip e.tar; sed -i s/root/tree/ /dev/shm/c; timeout 5 true; nice -n 5 true; find .
cat <(ls -la /); kill -0 $$'''
done = subprocess.run(['bash', '-c', script], capture_output=True)
assert (done.returncode, done.stderr) == (0, b''), done""",
    "pytest": """
import pytest
open('/tmp/test_it.py', 'w').write('def test_it(tmp_path, capfd): print(1); assert capfd.readouterr().out')
assert pytest.main(['-q', '-p', 'no:cacheprovider', '/tmp/test_it.py']) == 0""",
    "sqlite": """
import sqlite3
base = sqlite3.connect('/tmp/base')
base.execute('pragma journal_mode = wal')
base.execute('create table t as select 7 as a')
assert base.execute('select a from t').fetchall() == [(7,)]""",
    "mapped files": """
import mmap
with open('/tmp/file', 'w+b') as file:
    file.truncate(5000)
    area = mmap.mmap(file.fileno(), 0)
    area[0] = 65
    area.resize(9000)
    area.flush()
    assert file.read(1) == b'A'""",
    "a server and its client on the loopback device": """
import http.server, threading, urllib.request
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f'http://localhost:{server.server_port}/').read()""",
    "a terminal of one's own": """
import os, pty
process, terminal = pty.fork()
if process == 0:
    os.execvp('stty', ['stty', '-a'])
assert b'speed' in os.read(terminal, 1000)""",
    "limits, niceness and affinity of one's own": """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))
os.nice(1)
os.sched_setaffinity(0, os.sched_getaffinity(0))""",
    "newer calls of the kernel": """
import ctypes, os, select, signal, time
os.pidfd_open(os.getpid()), os.memfd_create('m'), os.getrandom(8), os.eventfd(0)
signal.setitimer(signal.ITIMER_REAL, 100)
signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 0)
select.epoll().poll(0.001)
assert os.listxattr('/tmp') == []""",
    "the report of a crash": """
import faulthandler, os, signal
faulthandler.enable()
faulthandler.dump_traceback_later(100)
if os.fork() == 0:
    os.abort()
assert os.WTERMSIG(os.wait()[1]) == signal.SIGABRT""",
}

EACH = """
import json, subprocess, sys
for name, program in json.loads(%r).items():
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    if done.returncode:
        print(name, done.stderr, sep=': ')
print('that was all')
"""

OTHER_ABI = """
import ctypes, mmap, os
if os.fork() == 0:
    if %d:
        ctypes.CDLL(None).syscall(0x40000000 | 39)  # getpid of x32
    else:
        area = mmap.mmap(-1, 4096, prot=7)
        area.write(b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3")  # mov eax, 20; int 0x80; ret: getpid of i386
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))()
    os._exit(0)
print(os.WTERMSIG(os.wait()[1]))
"""


def run(engine: Engine, image: str, program: str) -> tuple[int, str]:
    """Exit status and output of a program as process 1 behind nothing but the profile and what it presumes."""
    walls = engine.api.create_host_config(
        network_mode="none", read_only=True, cap_drop=["ALL"],
        security_opt=["no-new-privileges", f"seccomp={profile()}"],
        tmpfs={"/tmp": "size=16m,mode=1777,nosuid,nodev,noexec"}, mem_limit=512 * 2**20, pids_limit=64)
    container = engine.api.create_container(image, ["python3", "-c", program], user="65534:65534", host_config=walls,
                                            labels={LABEL: "1", OWNER_LABEL: this_owner()})["Id"]
    try:
        engine.api.start(container)
        status = engine.api.wait(container, timeout=60)["StatusCode"]
        return status, engine.api.logs(container).decode("utf-8", "replace")
    finally:
        engine.remove(container)


def attempt(engine: Engine, image: str, calls: list[tuple[str, tuple[int, ...]]]) -> list[str]:
    column = 0 if platform.machine() == "x86_64" else 1
    numbered = json.dumps([(NUMBERS[name][column], arguments) for name, arguments in calls])
    status, output = run(engine, image, ATTEMPTS % numbered)
    assert status == 0, output
    return json.loads(output)


@pytest.mark.docker
def test_what_programs_use_works(engine: Engine, image: str) -> None:
    assert run(engine, image, EACH % json.dumps(WORKS)) == (0, "that was all\n")


@pytest.mark.docker
def test_what_no_program_needs_is_refused(engine: Engine, image: str) -> None:
    names = [name for name in NUMBERS if name not in CONDITIONAL]
    errors = attempt(engine, image, [(name, (0,) * 6) for name in names])
    assert dict(zip(names, errors, strict=True)) == {name: SPECIAL.get(name, "EPERM") for name in names}


@pytest.mark.docker
def test_the_rest_is_refused_by_its_arguments(engine: Engine, image: str) -> None:
    errors = attempt(engine, image, [(name, arguments) for name, arguments, _ in BY_ARGUMENTS])
    assert [(*row[:2], error) for row, error in zip(BY_ARGUMENTS, errors, strict=True)] == BY_ARGUMENTS


@pytest.mark.docker
def test_a_call_that_is_younger_than_the_profile_is_missing(engine: Engine, image: str) -> None:
    status, output = run(engine, image, ATTEMPTS % "[[9999, []]]")
    assert (status, json.loads(output)) == (0, ["ENOSYS"])


@pytest.mark.docker
@pytest.mark.skipif(platform.machine() != "x86_64", reason="these ABIs are x86's")
@pytest.mark.parametrize("x32", [True, False])
def test_the_other_abis_end_the_program(engine: Engine, image: str, x32: bool) -> None:
    status, output = run(engine, image, OTHER_ABI % x32)
    assert (status, output.strip()) == (0, "31"), "SIGSYS"
