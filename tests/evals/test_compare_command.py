from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentfix.cli.main import main
from agentfix.evals import Record, RecordFile


def kept(path: Path, columns: dict[str, str], **header: object) -> str:
    """A file of --output: by strategy a letter for each item, `+` where it is right."""
    with RecordFile(path, {"data": "mine", "seed": 0, **header}) as file:
        for strategy, right in columns.items():
            for n, letter in enumerate(right):
                file.append(Record(f"q{n}", strategy, strategy, n, correct=letter == "+", completion_tokens=50))
    return str(path)


def test_two_evaluations_are_compared_item_by_item(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = kept(tmp_path / "a.jsonl", {"critic": "++++-", "none": "+----"}, model="big")
    b = kept(tmp_path / "b.jsonl", {"none": "-+---", "critic": "+--+-+"}, model="small")
    assert main(["eval", "--compare", a, b]) == 0
    out, _ = capsys.readouterr()
    lines = {line[:18].strip(): line[18:].split("  ") for line in out.splitlines()}
    cells = {name: [cell.strip() for cell in row if cell.strip()] for name, row in lines.items()}
    assert cells["items"] == ["5", "5"]
    assert cells["A over B"][0] == "+40.0 points"
    assert (cells["right in A only"], cells["right in B only"]) == (["2", "1"], ["0", "1"])
    assert "critic, right in A only: q1, q2" in out and "none, right in B only: q1" in out
    assert "model big" in out.splitlines()[0] and "model small" in out.splitlines()[1]


def test_strategies_of_other_names_are_compared_when_they_are_named(tmp_path: Path,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    a = kept(tmp_path / "a.jsonl", {"critic": "++", "none": "--"})
    b = kept(tmp_path / "b.jsonl", {"mcts:4": "+-", "mcts:8": "--"})
    assert main(["eval", "--compare", a, b]) == 2
    assert "--strategy, twice" in capsys.readouterr().err
    arguments = ["eval", "--compare", a, b, "--strategy", "critic", "--strategy", "mcts:8", "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(c["strategy"], c["against"], c["only"]) for c in told["comparisons"]] == [
        ("critic", "mcts:8", [["q0", 0], ["q1", 0]])]
    assert main(["eval", "--compare", a, b, "--strategy", "critic"]) == 2
    assert "has no results of 'critic', only of mcts:4, mcts:8" in capsys.readouterr().err


def test_what_can_not_be_compared_is_said_to_be_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = kept(tmp_path / "a.jsonl", {"critic": "++"})
    other = kept(tmp_path / "other.jsonl", {"critic": "+"}, data="other")
    empty = kept(tmp_path / "empty.jsonl", {})
    for arguments, said in (
        ([a, other], "data set 'mine'"), ([a, str(tmp_path / "nothing.jsonl")], "can't be read"),
        ([a, empty], "no results"),
    ):
        assert main(["eval", "--compare", *arguments]) == 2
        assert said in capsys.readouterr().err
    assert main(["eval"]) == 2
    assert "FILE" in capsys.readouterr().err
    assert not (tmp_path / "nothing.jsonl").exists()


def test_the_order_in_which_items_were_finished_changes_nothing(tmp_path: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    a = kept(tmp_path / "a.jsonl", {"critic": "++++-+--+-++-"})
    b = kept(tmp_path / "b.jsonl", {"critic": "+--+-+-+--+++"})
    told: list[str] = []
    for _ in range(2):
        assert main(["eval", "--compare", a, b, "--json"]) == 0
        told.append(capsys.readouterr().out)
        head, *lines = Path(a).read_bytes().splitlines(keepends=True)
        Path(a).write_bytes(b"".join([head, *lines[::-1]]))
    assert told[0] == told[1]


def test_rows_that_only_have_the_same_name_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, digest in (("a", "1"), ("b", "2")):
        with RecordFile(tmp_path / name, {"data": "mine"}) as file:
            file.append(Record("q0", "critic", "critic", 0, digest=digest))
    assert main(["eval", "--compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert "'q0' is one row in" in capsys.readouterr().err
