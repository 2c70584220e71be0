from __future__ import annotations

import pytest

from agentfix import Observation, Session, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins
from agentfix.protocols import ExecResult
from agentfix.testing import ScriptedSandbox

pytestmark = pytest.mark.timeout(120)


async def shell(command: str, session: Session, timeout_s: float = 30) -> Observation:
    tool = Plugins(Settings()).build("tool", "shell")
    return await tool.run({"command": command}, ToolContext(session, timeout_s))


@pytest.mark.docker
@pytest.mark.parametrize(("command", "status", "text"), [
    ("echo $((6 * 7))", "ok", "Exit status: 0\n42"),
    ("echo out; echo err >&2; echo out", "ok", "Exit status: 0\nout\nerr\nout"),
    ("exit 3", "error", "Exit status: 3"),
    ("""echo "it's" '"quoted"' '{braces}' && false""", "error", "Exit status: 1\nit's \"quoted\" {braces}"),
    ("for n in 1 2\ndo echo $n\ndone | tac", "ok", "Exit status: 0\n2\n1"),
    ("kill -9 $$", "error", "Exit status: 137"),
    ("read line || echo nothing to read", "ok", "Exit status: 0\nnothing to read"),
    ("echo a > a.txt; mkdir b; echo b > b/c.txt", "ok",
     "Exit status: 0\n[It wrote a.txt, b/c.txt: gone with the sandbox.]"),
])
async def test_a_command_is_run_and_its_output_and_exit_status_are_told(docker, command: str, status: str,
                                                                       text: str) -> None:
    seen = await shell(command, docker)
    assert (seen.status, seen.text) == (status, text)


@pytest.mark.docker
async def test_each_command_starts_afresh(docker) -> None:
    await shell("echo mine > a.txt; export A=1; cd /tmp; echo mine > b.txt", docker)
    assert (await shell("pwd; ls -A; ls /tmp; echo [$A]", docker)).data["output"] == "/box\n[]\n"


@pytest.mark.docker
async def test_a_command_that_takes_too_long_is_stopped(docker) -> None:
    seen = await shell("echo before; sleep 1000", docker, timeout_s=1)
    assert seen.status == "timeout"
    assert seen.text == "Stopped: timeout: time limit of 1 s reached\nbefore"


@pytest.mark.docker
async def test_what_is_told_is_bounded(docker) -> None:
    seen = await shell("seq 1 100000", docker)
    assert len(seen.text) < 6_100 and len(seen.data["output"]) < 20_100 and seen.data["truncated"]
    assert seen.text.startswith("Exit status: 0\n1\n2\n") and seen.text.endswith("\n100000")


async def test_where_no_shell_is_that_is_said(embedded) -> None:
    with pytest.raises(ToolError, match="docker sandbox only") as refusal:
        await shell("echo hi", embedded)
    assert refusal.value.status == "unavailable"


async def test_a_command_is_text_to_this_machine(tmp_path) -> None:
    mark = tmp_path / "mark"
    sandbox = ScriptedSandbox([ExecResult("ok", "", "", 0)])
    command = f"'); import pathlib; pathlib.Path({str(mark)!r}).touch(); ('$(touch {mark})`touch {mark}`"
    await shell(command, await sandbox.open())
    assert not mark.exists()
    import ast
    calls = [node for node in ast.walk(ast.parse(sandbox.programs[0])) if isinstance(node, ast.Constant)]
    assert command in [node.value for node in calls]


@pytest.mark.parametrize("command", ["a\0b", "x" * 20_001])
async def test_what_can_be_no_command_is_refused(command: str) -> None:
    with pytest.raises(ToolError, match="A command has"):
        await shell(command, await ScriptedSandbox([]).open())
