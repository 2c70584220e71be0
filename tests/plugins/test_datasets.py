from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from agentfix_plugins import datasets
from agentfix_plugins.datasets.graders import Assertions, Choice, Numeric, Text

from agentfix import DataSet, Plugins, Settings
from agentfix.evals import Item, load

PLUGINS = Plugins(Settings(), {"datasets": datasets}, installed=False)


def one(tmp_path: Path, name: str, row: dict[str, Any]) -> Item:
    path = tmp_path / f"{name}.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return load(str(path), PLUGINS)[0]


@pytest.mark.parametrize("answer", ["1,050", "half of 2100\n#### 1,050", 1050.0, 1050])
def test_word_problems(tmp_path: Path, answer: object) -> None:
    item = one(tmp_path, "gsm8k", {"id": "a", "question": "How many?", "answer": answer, "rationale": "..."})
    assert (item.id, item.task.question, item.task.kind) == ("a", "How many?", "math")
    assert item.grader == Numeric(Fraction(1050))


def test_tables_go_to_the_context(tmp_path: Path) -> None:
    row = {"pid": 7, "question": "Which sold most?", "table": "x | y\n1 | 2", "table_title": "Sales", "answer": "Ink",
           "choices": ["Ink", "Pens"], "unit": None}
    item = one(tmp_path, "tabmwp", row)
    assert (item.id, item.task.context) == ("7", "Sales\nx | y\n1 | 2")
    assert "Choose one of: Ink; Pens." in item.task.question
    assert item.grader == Choice("Ink", ("Ink", "Pens"))
    number = one(tmp_path, "tabmwp", {**row, "choices": None, "answer": "1/12", "unit": "$"})
    assert "Unit of the answer: $." in number.task.question
    assert (number.task.kind, number.grader) == ("math", Numeric(Fraction(1, 12)))


def test_only_the_first_assertion_is_shown(tmp_path: Path) -> None:
    item = one(tmp_path, "mbpp", {
        "task_id": 1, "prompt": "Write a function to add.", "test_imports": ["import math"], "code": "SECRET",
        "test_list": ["assert math.isclose(round(add(1, 2)), 3)", "assert add(2, 2) == 4", "assert add(0, 0) == 0"]})
    assert "`add`" in item.task.question
    assert item.task.checks[0].source == "import math\nassert math.isclose(round(add(1, 2)), 3)"
    assert item.grader == Assertions("import math\nassert add(2, 2) == 4\nassert add(0, 0) == 0")
    assert "SECRET" not in repr(item) and "add(2, 2)" not in repr(item.task)


def test_bugs_to_repair(tmp_path: Path) -> None:
    item = one(tmp_path, "quixbugs", {
        "name": "inc", "buggy_program": "def inc(x):\n    return x", "docstring": "Adds one.",
        "tests": "assert inc(1) == 2", "solution": "SECRET"})
    assert item.id == "inc" and "Adds one." in item.task.question and "def inc" in item.task.question
    assert item.task.checks == () and item.grader == Assertions("assert inc(1) == 2")
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
    assert item.grader == Text(references)


def test_any_file_with_question_and_answer(tmp_path: Path) -> None:
    assert one(tmp_path, "mine", {"question": "2 + 2?", "answer": 4}).grader == Numeric(Fraction(4))
    assert one(tmp_path, "mine", {"question": "Price?", "answer": "$1,200"}).grader == Numeric(Fraction(1200))
    assert one(tmp_path, "mine", {"question": "When?", "answer": "May 4"}).grader == Text(("May 4",))
    item = one(tmp_path, "mine", {"question": "Who?", "answers": ["Ann", "Bea"]})
    assert (item.id, item.task.kind, item.grader) == ("mine-0", "auto", Text(("Ann", "Bea")))


def test_every_name_is_a_data_set() -> None:
    entries = PLUGINS.names("dataset")
    assert len(entries) == 10 and all(entry.description for entry in entries)
    assert all(isinstance(PLUGINS.build("dataset", entry.name), DataSet) for entry in entries)
