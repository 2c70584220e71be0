from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from agentfix_plugins import datasets

from agentfix import (
    Build,
    DataSet,
    Grader,
    InputError,
    Judge,
    PluginError,
    Plugins,
    Register,
    Score,
    Settings,
    Task,
    UnknownNameError,
    hookimpl,
)
from agentfix.evals import Item, SandboxJudge, load
from agentfix.testing import ScriptedSandbox


class Starts:
    """Right if it starts with a letter; of a question mark, the score is none."""

    def __init__(self, letter: str) -> None:
        self.letter = letter

    async def score(self, answer: str, judge: Judge) -> Score:
        if answer == "?":
            return 1  # type: ignore[return-value]
        return Score(answer[0] == self.letter, 0.0)


class Letters:
    """A row is a word and its first letter."""

    def read(self, row: Mapping[str, Any]) -> tuple[Task, Grader]:
        if row["word"] == "":
            raise ValueError("there is no word")
        if row["word"] == "none":
            return Task("?")  # type: ignore[return-value]
        return Task(f"Which letter begins {row['word']!r}?"), Starts(row["word"][0])


class Plugin:
    """Registers a data set and something that is none."""

    @hookimpl
    def agentfix_register_datasets(self, register: Register) -> None:
        def make(build: Build) -> DataSet:
            return Letters()

        register("letters", make, "First letters.")
        register("nothing", lambda _: object())


PLUGINS = Plugins(Settings(), {"datasets": datasets, "mine": Plugin()}, installed=False)
JUDGE = SandboxJudge(ScriptedSandbox([]))


def letters(tmp_path: Path, *rows: dict[str, Any]) -> list[Item]:
    path = tmp_path / "letters.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return load(str(path), PLUGINS)


async def test_a_plugin_brings_a_data_set_and_how_it_is_graded(tmp_path: Path) -> None:
    first, second = letters(tmp_path, {"word": "ink", "pid": 7}, {"word": "ant"})
    assert (first.id, first.task.question, second.id) == ("7", "Which letter begins 'ink'?", "letters-1")
    assert [(await item.graded("i", JUDGE)).correct for item in (first, second)] == [True, False]
    other = tmp_path / "other.jsonl"
    other.write_text('{"word": "ink"}', encoding="utf-8")
    assert load(str(other), PLUGINS, format_name="letters")[0].task == first.task


@pytest.mark.parametrize(("row", "error", "said"), [
    ({"word": ""}, InputError, "line 1: there is no word"),
    ({"word": "ink", "id": []}, InputError, "line 1: field 'id'"),
    ({"text": "ink"}, PluginError, "'mine': reading a row failed: KeyError.'word'. at test_datasets.py line"),
    ({"word": "none"}, PluginError, "'mine': reading a row gave Task, not a task and a grader"),
])
def test_a_row_at_fault_is_told_from_a_plugin_at_fault(tmp_path: Path, row: dict[str, Any], error: type[Exception],
                                                       said: str) -> None:
    with pytest.raises(error, match=said):
        letters(tmp_path, row)


async def test_a_grader_at_fault_is_named(tmp_path: Path) -> None:
    item, = letters(tmp_path, {"word": "ink"})
    with pytest.raises(PluginError, match="'mine': grading an answer failed: IndexError"):
        await item.graded("", JUDGE)
    with pytest.raises(PluginError, match="'mine': grading an answer gave int, not a Score"):
        await item.graded("?", JUDGE)
    (tmp_path / "nothing.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(PluginError, match="'mine': data set 'nothing' has no method `read`"):
        load(str(tmp_path / "nothing.jsonl"), PLUGINS)


@pytest.mark.parametrize(("name", "line", "word"), [
    ("gsm8k", b'{"question": "q"}', "answer"), ("gsm8k", b'{"question": "q", "answer": "some"}', "number"),
    ("gsm8k", b'{"question": "", "answer": 1}', "question"), ("gsm8k", b"{", "JSON"), ("gsm8k", b"[1]", "object"),
    ("gsm8k", b'{"question": "\xff", "answer": 1}', "UTF-8"), ("gsm8k", b'{"question": "q", "answer": NaN}', "NaN"),
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
        load(str(path), PLUGINS)


def test_bare_names_are_found_in_the_data_folder(tmp_path: Path) -> None:
    rows = [json.dumps({"id": str(n), "question": f"q{n}", "answer": n}) for n in range(5)]
    (tmp_path / "svamp.jsonl").write_text("\n".join(rows), encoding="utf-8")
    items = load("svamp", PLUGINS, data_dir=tmp_path, offset=1, limit=2)
    assert [(item.id, item.index) for item in items] == [("1", 1), ("2", 2)]
    with pytest.raises(InputError, match=r"--data-dir.* known data sets with: agentfix datasets list"):
        load("nowhere", PLUGINS)
    with pytest.raises(InputError, match="Did you mean the data set 'gsm8k'"):
        load("gms8k", PLUGINS)
    with pytest.raises(InputError, match="has 5 items, and 5 are to be left out"):
        load("svamp", PLUGINS, data_dir=tmp_path, offset=5)
    with pytest.raises(UnknownNameError, match="gsm8k"):
        load("svamp", PLUGINS, data_dir=tmp_path, format_name="gsm8")
    with pytest.raises(UnknownNameError, match=r"ambignq, gsm8k, hotpotqa, letters, .*triviaqa"):
        load("svamp", PLUGINS, data_dir=tmp_path, format_name="zzz")


def test_an_id_must_be_unique(tmp_path: Path) -> None:
    path = tmp_path / "svamp.jsonl"
    path.write_text('{"id": "a", "question": "q", "answer": 1}\n' * 2, encoding="utf-8")
    with pytest.raises(InputError, match="line 2: the id 'a' is that of line 1"):
        load(str(path), PLUGINS)


def test_a_csv_file_has_its_fields_in_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes('\ufeffid,question,answer,note\n"x","What is 2, and 2?",4,\n,"Two\nlines?",yes,\n'.encode())
    items = load(str(path), PLUGINS)
    assert [(item.id, item.task.question) for item in items] == [("x", "What is 2, and 2?"), ("mine-1", "Two\nlines?")]
    assert load(str(path), PLUGINS, offset=1)[0].id == "mine-1"


@pytest.mark.parametrize(("content", "said"), [
    (b"id,answer\n1,2\n", "line 2: field 'question'"), (b"question,answer\nq,1,2\n", "line 2: it has more cells"),
    (b"question,answer\nq,\n", "line 2: field 'answer"), (b"question,answer\n\xff,1\n", "not UTF-8"),
    (b"question,answer\n", r"mine\.csv has no items\."),
    (b"q,answer\n1,2\n", "field 'question' is missing; the row has 'q', 'answer'"),
    (b"question;answer\nq, r;1\n", "line 1: the header 'question;answer' is one column. Separate columns with comma"),
])
def test_what_is_wrong_with_a_csv_file_is_said_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        load(str(path), PLUGINS)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(b'\xef\xbb\xbf{"question": "q", "answer": 2}\r\n')
    assert [item.task.question for item in load(str(tmp_path / "mine.jsonl"), PLUGINS)] == ["q"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_what_is_no_number_in_json_is_no_answer(number: str, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text(f'{{"question": "q", "answer": {number}}}\n', encoding="utf-8")
    with pytest.raises(InputError, match=f"line 1: {number} is no number"):
        load(str(tmp_path / "mine.jsonl"), PLUGINS)
