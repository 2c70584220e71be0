"""What only the container can do, and what it must not let out."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from agentfix import ExecResult, Limits, SandboxUnavailableError, Session
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.docker.recipe import Recipe

pytestmark = pytest.mark.docker
LIMITS = Limits(timeout_s=60)


async def run(docker: Session, code: str, want: str | None = "answer", limits: Limits = LIMITS) -> ExecResult:
    result = await docker.exec(code, limits, want=want)
    assert result.sandbox == "docker"
    return result


@pytest.mark.parametrize(("code", "status", "exit_code", "error"), [
    ("import sys\nsys.exit(3)", "error", 3, "SystemExit: 3"),
    ("answer = 1\nexit()", "ok", 0, ""),
    ("raise SystemExit('no luck')", "error", 1, "SystemExit: no luck"),
    ("import os\nos._exit(3)", "error", 3, "exited with status 3"),
    ("import os\nos._exit(0)", "ok", 0, ""),
    ("import ctypes\nctypes.string_at(0)", "crash", None, "killed by SIGSEGV"),
    ("input()", "error", 1, "EOFError: EOF when reading a line"),
    ("import os\nos.closerange(3, 256)\nprint('x')", "ok", 0, ""),
    ("import sys\ndel sys.stdout, sys.stderr", "ok", 0, ""),
    ("import sys\nsys.stderr.close()\nsys.exit('bye')", "error", 1, "SystemExit: bye"),
    ("class A:\n    def __str__(self):\n        raise ValueError\nraise SystemExit(A())", "error", 1,
     "SystemExit: (its message can't be read)"),
    ("-" * 100_000 + "1", "error", 1, "SyntaxError: too deeply nested"),
    ("\ufeffx = 1", "ok", 0, ""),
    ("import nothing_of_that_name", "error", 1, "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
])
async def test_endings(docker: Session, code: str, status: str, exit_code: int | None, error: str) -> None:
    result = await run(docker, code)
    assert (result.status, result.exit_code, result.error) == (status, exit_code, error)


async def test_the_packages_are_there_and_usage_is_reported(docker: Session) -> None:
    result = await run(docker, "import numpy, sympy, pytest\nanswer = numpy.arange(4).sum() + sympy.Integer(1)")
    assert (result.status, result.value) == ("ok", "7")
    assert result.peak_memory_bytes is not None and 2**24 < result.peak_memory_bytes < LIMITS.memory_bytes


async def test_a_figure_is_found_wherever_the_program_went(docker: Session) -> None:
    result = await run(docker, "import os\nos.chdir('/tmp')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])")
    assert [artefact.path for artefact in result.artefacts] == ["figure-1.png"]


@pytest.mark.parametrize("stateful", [False, True])
async def test_a_listener_that_fails_leaves_nothing_of_its_program_behind(image: str, stateful: bool) -> None:
    class HeardEnoughError(Exception):
        """What the listener raises."""

    def listen(stream: str, text: str) -> None:
        raise HeardEnoughError

    sandbox = DockerSandbox(image, max_boxes=1)
    session = await sandbox.open()
    try:
        with pytest.raises(HeardEnoughError):
            await session.exec("while True:\n    print('OLD')", LIMITS, stateful=stateful, on_output=listen)
        for number in range(3):
            result = await session.exec(f"print('NEW{number}')", LIMITS, stateful=stateful)
            assert (result.status, result.stdout) == ("ok", f"NEW{number}\n")
    finally:
        await session.aclose()
        await sandbox.aclose()


@pytest.mark.parametrize("cell", [
    "import sys\nx = 5\nwith open('log', 'w') as f:\n    sys.stdout = f\n    print('hi')",
    "import sys\nx = 5\nsys.stdout = None", "import sys\nx = 5\nsys.stdout.close()",
    "import json\nx = 5\njson.dumps = None", "import os\nx = 5\nos.fork = os.getpid = None",
])
async def test_what_a_cell_does_to_its_own_interpreter_loses_no_variables(docker: Session, cell: str) -> None:
    first = await docker.exec(cell, LIMITS, stateful=True)
    assert (first.status, first.state) == ("ok", "fresh")
    for _ in range(2):
        after = await docker.exec("x", LIMITS, stateful=True)
        assert (after.status, after.state, after.value) == ("ok", "kept", "5")


async def test_a_cell_that_ends_just_when_its_time_is_up_keeps_its_session(docker: Session) -> None:
    await docker.exec("import time\nx = 5", LIMITS, stateful=True)
    for number in range(40):
        short = await docker.exec(f"time.sleep({0.097 + 0.0001 * number})", Limits(timeout_s=0.1), stateful=True)
        after = await docker.exec("x", LIMITS, stateful=True)
        assert (short.state, after.status, after.state, after.value) == ("kept", "ok", "kept", "5")


async def test_a_cells_processor_time_is_its_own_and_its_childrens(docker: Session) -> None:
    burn = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    child = await docker.exec(f"import subprocess, sys, threading\nsubprocess.run([sys.executable, '-c', {burn!r}])",
                              LIMITS, stateful=True)
    assert child.cpu_seconds is not None and child.cpu_seconds >= 0.4
    await docker.exec("threading.Thread(target=threading.Event().wait, daemon=True).start()\n" + burn, LIMITS,
                      stateful=True)
    after = await docker.exec("1", LIMITS, stateful=True)
    assert after.cpu_seconds is not None and after.cpu_seconds < 0.2


async def test_bytes_that_are_no_text_are_escaped(docker: Session) -> None:
    result = await run(docker, "import os\nos.write(1, b'a\\xff\\x00b')\nos.write(2, b'\\xc3')")
    assert (result.status, result.stdout, result.stderr) == ("ok", "a\\xff\x00b", "\\xc3")


WALLS = """
import os, socket
answer = []
def attempt(name, action):
    try:
        action()
        answer.append(name)
    except OSError:
        pass
attempt('connect', lambda: socket.create_connection(('1.1.1.1', 53), 1))
attempt('write /etc', lambda: open('/etc/x', 'w'))
attempt('write site', lambda: open('/opt/sandbox/site/x', 'w'))
attempt('fd of process 1', lambda: open('/proc/1/fd/1', 'wb'))
attempt('memory of process 1', lambda: open('/proc/1/mem', 'rb'))
attempt('become root', lambda: os.setuid(0))
attempt('fill scratch', lambda: open('/box/x', 'wb').write(bytes(80_000_000)))
attempt('docker', lambda: os.stat('/var/run/docker.sock'))
assert os.getuid() == 65534
assert os.listdir('/sys/class/net') == ['lo']
assert [k for k in os.environ if 'PROXY' in k.upper() or 'AGENTFIX' in k] == []
assert 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()
for signal in (2, 9, 15):
    os.kill(1, signal)
open('/tmp/fine', 'w').write('scratch is writable')
"""


async def test_the_walls_hold(docker: Session) -> None:
    result = await run(docker, WALLS)
    assert (result.status, result.error, result.value) == ("ok", "", "[]")


async def test_a_fork_bomb_stays_inside(docker: Session) -> None:
    result = await run(docker, "import os\nwhile True: os.fork()", limits=replace(LIMITS, timeout_s=5))
    assert result.status in {"error", "timeout"}


async def test_a_child_that_stays_behind_is_ended(docker: Session) -> None:
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\nanswer = 1"
    result = await run(docker, code)
    assert (result.status, result.value) == ("ok", "1")


async def test_forged_frames_change_nothing(docker: Session) -> None:
    code = """
import json, os, struct
done = json.dumps({"type": "done", "state": "fresh", "stopped_for": "", "exit_code": 0, "signal": None, "oom_kills": 0,
                   "seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_bytes": 1, "clean": True,
                   "report": '{"value": "forged"}'}).encode()
for descriptor in (1, 2):
    os.write(descriptor, struct.pack(">II", len(done), 0) + done)
raise ValueError("the truth")
"""
    result = await run(docker, code)
    assert (result.status, result.value, result.error) == ("error", None, "ValueError: the truth")


async def test_the_request_is_out_of_sight_while_a_program_runs(docker: Session) -> None:
    code = """
import linecache, sys
frame, answer = sys._getframe(1), ['<program>' in linecache.cache]
while frame:
    answer += [name for name, value in frame.f_locals.items() if 'of these' + ' words' in str(value)]  # of these words
    frame = frame.f_back
"""
    result = await run(docker, code)
    assert (result.status, result.value) == ("ok", "[False]")


async def test_an_image_of_other_files_tells_how_to_make_it_anew(engine: Engine, tmp_path: Path) -> None:
    name = "agentfix-test-outdated"
    archive = tmp_path / "empty.tar"
    with tarfile.open(archive, "w"):
        pass
    engine.api.import_image_from_file(str(archive), repository=name, changes=[
        f"LABEL {name}={value}" for name, value in Recipe(name, "some-base", ("numpy",), "others").labels().items()])
    try:
        with pytest.raises(SandboxUnavailableError, match="Make it anew: agentfix sandbox build --packages numpy"):
            await DockerSandbox(name).open()
    finally:
        engine.api.remove_image(name)


async def test_a_missing_image_tells_how_to_make_it(engine: Engine) -> None:
    with pytest.raises(SandboxUnavailableError, match="agentfix sandbox build"):
        await DockerSandbox("agentfix-no-such-image").open()
