from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from agentfix.errors import InputError, UnknownNameError
from agentfix.evals.datasets import load
from agentfix.evals.formats import Item
from agentfix.evals.scorers import Assertions, Choice, Numeric, Text


def one(tmp_path: Path, name: str, row: dict[str, Any]) -> Item:
    path = tmp_path / f"{name}.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return load(str(path))[0]


@pytest.mark.parametrize("answer", ["1,050", "half of 2100\n#### 1,050", 1050.0, 1050])
def test_word_problems(tmp_path: Path, answer: object) -> None:
    item = one(tmp_path, "gsm8k", {"id": "a", "question": "How many?", "answer": answer, "rationale": "..."})
    assert (item.id, item.task.question, item.task.kind) == ("a", "How many?", "math")
    assert item.scorer == Numeric(Fraction(1050))


def test_tables_go_to_the_context(tmp_path: Path) -> None:
    row = {"pid": 7, "question": "Which sold most?", "table": "x | y\n1 | 2", "table_title": "Sales", "answer": "Ink",
           "choices": ["Ink", "Pens"], "unit": None}
    item = one(tmp_path, "tabmwp", row)
    assert (item.id, item.task.context) == ("7", "Sales\nx | y\n1 | 2")
    assert "Choose one of: Ink; Pens." in item.task.question
    assert item.scorer == Choice("Ink", ("Ink", "Pens"))
    number = one(tmp_path, "tabmwp", {**row, "choices": None, "answer": "1/12", "unit": "$"})
    assert "Unit of the answer: $." in number.task.question
    assert (number.task.kind, number.scorer) == ("math", Numeric(Fraction(1, 12)))


def test_only_the_first_assertion_is_shown(tmp_path: Path) -> None:
    item = one(tmp_path, "mbpp", {
        "task_id": 1, "prompt": "Write a function to add.", "test_imports": ["import math"], "code": "SECRET",
        "test_list": ["assert math.isclose(round(add(1, 2)), 3)", "assert add(2, 2) == 4", "assert add(0, 0) == 0"]})
    assert "`add`" in item.task.question
    assert item.task.checks[0].source == "import math\nassert math.isclose(round(add(1, 2)), 3)"
    assert item.scorer == Assertions("import math\nassert add(2, 2) == 4\nassert add(0, 0) == 0")
    assert "SECRET" not in repr(item) and "add(2, 2)" not in repr(item.task)


def test_bugs_to_repair(tmp_path: Path) -> None:
    item = one(tmp_path, "quixbugs", {
        "name": "inc", "buggy_program": "def inc(x):\n    return x", "docstring": "Adds one.",
        "tests": "assert inc(1) == 2", "solution": "SECRET"})
    assert item.id == "inc" and "Adds one." in item.task.question and "def inc" in item.task.question
    assert item.task.checks == () and item.scorer == Assertions("assert inc(1) == 2")
    assert "SECRET" not in repr(item)


@pytest.mark.parametrize(("name", "row", "references"), [
    ("hotpotqa", {"id": "h", "question": "Who?", "answer": "Ann"}, ("Ann",)),
    ("nq", {"question": "Who?", "answers": ["Ann", "Anne"], "ctxs": []}, ("Ann", "Anne")),
    ("triviaqa", {"id": "t", "question": "Who?", "golden_answers": ["Ann"]}, ("Ann",)),
    ("ambignq", {"id": 5, "question": "Who?", "annotations": [
        {"type": "singleAnswer", "answer": ["Ann"]},
        {"type": "multipleQAs", "qaPairs": [{"question": "Who first?", "answer": ["Bea", "B."]}]}]},
     ("Ann", "Bea", "B.")),
])
def test_open_questions(tmp_path: Path, name: str, row: dict[str, Any], references: tuple[str, ...]) -> None:
    item = one(tmp_path, name, row)
    assert (item.task.question, item.task.kind, item.task.context) == ("Who?", "qa", "")
    assert item.scorer == Text(references)


def test_any_file_with_question_and_answer(tmp_path: Path) -> None:
    assert one(tmp_path, "mine", {"question": "2 + 2?", "answer": 4}).scorer == Numeric(Fraction(4))
    assert one(tmp_path, "mine", {"question": "Price?", "answer": "$1,200"}).scorer == Numeric(Fraction(1200))
    assert one(tmp_path, "mine", {"question": "When?", "answer": "May 4"}).scorer == Text(("May 4",))
    item = one(tmp_path, "mine", {"question": "Who?", "answers": ["Ann", "Bea"]})
    assert (item.id, item.task.kind, item.scorer) == ("mine-0", "auto", Text(("Ann", "Bea")))


@pytest.mark.parametrize(("name", "line", "word"), [
    ("gsm8k", b'{"question": "q"}', "answer"), ("gsm8k", b'{"question": "q", "answer": "some"}', "number"),
    ("gsm8k", b'{"question": "", "answer": 1}', "question"), ("gsm8k", b"{", "JSON"), ("gsm8k", b"[1]", "object"),
    ("gsm8k", b'{"question": "\xff", "answer": 1}', "UTF-8"), ("gsm8k", b'{"question": "q", "answer": NaN}', "answer"),
    ("gsm8k", b'{"question": "q", "answer": 1e999}', "answer"), ("gsm8k", b"[" * 100_000, "nested|JSON"),
    ("mbpp", b'{"prompt": "p", "test_list": ["assert f(1)"]}', "test_list"),
    ("mbpp", b'{"prompt": "p", "test_list": ["assert (", "assert f(2)"]}', "Python"),
    ("mbpp", b'{"prompt": "p", "test_list": ["assert len(x)", "assert f(2)"]}', "function"),
    ("ambignq", b'{"question": "q", "annotations": [{"type": "none"}]}', "answer"),
    ("triviaqa", b'{"question": "q", "golden_answers": []}', "answers"), ("mine", b'{"text": "q"}', "question"),
])
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, name: str, line: bytes, word: str) -> None:
    path = tmp_path / f"{name}.jsonl"
    path.write_bytes(b"\n" + line + b"\n")
    with pytest.raises(InputError, match=rf"{name}\.jsonl, line 2: .*({word})"):
        load(str(path))


def test_bare_names_are_found_in_the_data_folder(tmp_path: Path) -> None:
    rows = [json.dumps({"id": str(n), "question": f"q{n}", "answer": n}) for n in range(5)]
    (tmp_path / "svamp.jsonl").write_text("\n".join(rows), encoding="utf-8")
    items = load("svamp", data_dir=tmp_path, offset=1, limit=2)
    assert [(item.id, item.index) for item in items] == [("1", 1), ("2", 2)]
    with pytest.raises(InputError, match="--data-dir"):
        load("svamp-nowhere")
    with pytest.raises(InputError, match="no items"):
        load("svamp", data_dir=tmp_path, offset=5)
    with pytest.raises(UnknownNameError, match="gsm8k"):
        load("svamp", data_dir=tmp_path, format_name="gsm8")


def test_an_id_must_be_unique(tmp_path: Path) -> None:
    path = tmp_path / "svamp.jsonl"
    path.write_text('{"id": "a", "question": "q", "answer": 1}\n' * 2, encoding="utf-8")
    with pytest.raises(InputError, match="line 2: the id 'a' is that of line 1"):
        load(str(path))
