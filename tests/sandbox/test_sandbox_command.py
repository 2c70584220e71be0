from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentfix import IsolationError
from agentfix.cli.main import main
from agentfix.cli.sandbox import sandbox
from agentfix.sandbox.docker.engine import LABEL, Engine
from agentfix.sandbox.docker.owners import OWNER_LABEL, this_owner


def invoke(*arguments: str, program: str | bytes = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(sandbox, list(arguments), input=program)
    return result.exit_code, result.stdout, result.stderr


def test_exec_prints_one_json_object() -> None:
    status, stdout, _ = invoke("exec", "-", "--sandbox", "embedded", "--want", "answer", "--json",
                               program="print('hi')\nanswer = 18.0")
    said = json.loads(stdout)
    assert status == 0
    assert min(said.pop(each) or 0 for each in ("seconds", "cpu_seconds", "peak_memory_bytes")) >= 0
    assert said == {"status": "ok", "exit_code": 0, "stdout": "hi\n", "stderr": "", "value": "18.0", "error": "",
                    "line": None, "truncated": False, "sandbox": "embedded", "signal": "",
                    "artefacts": [], "state": "fresh"}


def test_exec_runs_a_file_with_a_byte_order_mark() -> None:
    assert invoke("exec", "-", "--sandbox", "embedded", program=b"\xef\xbb\xbf6 * 7")[:2] == (0, "42\n")


def test_exec_shows_the_value_of_the_last_expression() -> None:
    assert invoke("exec", "-", "--sandbox", "embedded", program="x = 6\nx * 7")[1] == "42\n"


def test_exec_reads_a_file_and_shows_a_failure(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('\\x1b[31mred')\n1 / 0")
    status, stdout, stderr = invoke("exec", str(program), "--sandbox", "embedded", "--timeout", "5", "--memory", "64")
    assert status == 1
    assert "\x1b" not in stdout
    assert "error on line 2: ZeroDivisionError: division by zero [embedded" in stderr


@pytest.mark.parametrize("arguments", [
    ["exec", "no-such-file.py"], ["exec", "-", "--timeout", "0"], ["exec", "-", "--memory", "1"], ["exec"], ["nothing"],
])
def test_misuse_has_status_2(arguments: list[str]) -> None:
    assert invoke(*arguments)[0] == 2


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["sandbox", *arguments])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return status, said.err


@pytest.mark.docker
def test_cells_share_variables_and_files_come_and_go(engine: Engine, tmp_path: Path) -> None:
    given, first, second, kept = (tmp_path / name for name in ("given.csv", "first.py", "second.py", "kept"))
    given.write_text("1,2")
    first.write_text("rows = open('given.csv').read()")
    second.write_text("import os\nos.mkdir('made')\nopen('made/out.csv', 'w').write(rows)\nos._exit(3)")
    status, stdout, _ = invoke("exec", str(first), str(second), str(first), "--sandbox", "docker", "--cells", "--json",
                               "--put", str(given), "--artefacts", str(kept))
    results = json.loads(stdout)["results"]
    assert status == 1
    assert [(each["status"], each["state"]) for each in results] == [
        ("ok", "fresh"), ("error", "rolled_back"), ("ok", "kept")]
    assert (kept / "1" / "made" / "out.csv").read_text() == "1,2"


@pytest.mark.docker
def test_doctor_tells_what_a_box_read_back(engine: Engine) -> None:
    status, stdout, _ = invoke("doctor", "--json")
    said = json.loads(stdout)
    assert (status, said["holds"]) == (0, True)
    walls = {each["name"]: each["found"] for each in said["walls"]}
    assert (walls["network"], walls["capabilities"], walls["seccomp"]) == ("lo", "0x0", "filtered")
    assert said["engine"]["runtime"]


@pytest.mark.docker
def test_prune_leaves_the_boxes_of_the_living_alone(engine: Engine, image: str) -> None:
    def made_by(owner: str) -> str:
        return engine.api.create_container(image, labels={LABEL: "1", OWNER_LABEL: owner})["Id"][:12]

    here, _, _ = this_owner().rpartition(":")
    dead, elsewhere, living = made_by(f"{here}:1"), made_by("another-boot/1:1:1"), made_by(this_owner())
    try:
        assert f"{dead}  " in invoke("prune")[1]
        assert {each.id for each in engine.containers()} >= {elsewhere, living}
    finally:
        for each in (elsewhere, living):
            engine.remove(each)


@pytest.mark.docker
def test_isolation_that_is_not_there_is_a_refusal(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("print(1)")
    status, _, stderr = invoke("exec", str(tmp_path / "p.py"), "--sandbox", "docker")
    assert status == 0, stderr
    with pytest.raises(IsolationError, match="can't use the runtime 'no-such-runtime'"):
        CliRunner(env={"AGENTFIX_SANDBOX_RUNTIME": "no-such-runtime"}).invoke(
            sandbox, ["exec", str(tmp_path / "p.py"), "--sandbox", "docker"], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [
    ["ls"], ["rm", "--all"], ["build"], ["prune"], ["doctor"], ["exec", "PROGRAM", "--sandbox", "docker"],
])
def test_an_engine_that_is_not_there_is_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.py").write_text("answer = 1")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    status, said = complaint(capsys, *(each.replace("PROGRAM", str(tmp_path / "p.py")) for each in arguments))
    assert status == 1
    assert "The Docker engine can't be reached" in said and "--sandbox embedded" in said


def test_without_an_engine_auto_runs_what_embedded_can_and_tells_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert invoke("exec", "-", "--sandbox", "auto", program="answer = 1")[0] == 0
    status, stdout, _ = invoke("exec", "-", "--sandbox", "auto", "--json", program="import numpy")
    said = json.loads(stdout)
    assert (status, said["status"]) == (1, "unsupported")
    assert "module 'numpy'" in said["error"] and "Docker engine can't be reached" in said["error"]


def test_an_unknown_sandbox_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.py").write_text("answer = 1")
    status, said = complaint(capsys, "exec", str(tmp_path / "p.py"), "--sandbox", "embeded")
    assert status == 2 and "Did you mean 'embedded'?" in said


def test_a_program_that_is_not_text_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.py").write_bytes(b"\xff\xfe")
    status, said = complaint(capsys, "exec", str(tmp_path / "p.py"))
    assert status == 2 and "is not UTF-8" in said
