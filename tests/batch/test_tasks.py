"""A file of tasks: what a row may hold, and how a bad one is told."""

from __future__ import annotations

import base64
import json

import pytest

from agentfix import Check, InputError, Settings, Task
from agentfix.batch import BatchTask, read_tasks
from agentfix.batch.tasks import Naming

KINDS = ("code", "json", "math", "qa", "text")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


@pytest.fixture
def read(tmp_path):
    def read(*rows, settings=Settings()):
        file = tmp_path / "tasks.jsonl"
        file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
        return read_tasks(file, settings, KINDS)

    return read


def test_a_row_says_all_that_a_task_has(read, tmp_path):
    (tmp_path / "seen.png").write_bytes(PNG)
    first, second, third = read(
        {"question": " Why? "}, "",
        {"id": 7, "question": "q", "kind": "json", "context": "c", "schema": {"type": "object"}, "images": "seen.png"},
        {"id": "f", "question": "f", "kind": "code", "checks": ["assert f(1) == 2", "assert f(2) == 3"]})
    assert first == BatchTask("1", Task("Why?"))
    assert (second.id, second.task.kind, second.task.context) == ("7", "json", "c")
    assert second.task.schema == {"type": "object"}
    assert base64.b64decode(second.task.images[0].url.partition(",")[2]) == PNG
    assert [type(check) for check in third.task.checks] == [Check, Check]


def test_null_is_as_if_it_were_not_given(read):
    [task] = read({"id": None, "question": "q", "kind": None, "checks": None, "context": None, "schema": None,
                   "images": None})
    assert task == BatchTask("1", Task("q"))


def test_a_schema_refers_to_what_it_holds(read):
    schema = {"$defs": {"n": {"type": "integer"}},
              "properties": {"$ref": {"type": "string"}, "n": {"$ref": "#/$defs/n"}}}
    [task] = read({"question": "q", "schema": schema})
    assert task.task.schema == schema


def test_a_cell_may_hold_a_schema(tmp_path):
    (tmp_path / "tasks.csv").write_text('question,schema\nq,"{""type"": ""object""}"\n', encoding="utf-8")
    [task] = read_tasks(tmp_path / "tasks.csv", Settings(), KINDS)
    assert task.task.schema == {"type": "object"}


def test_csv_is_read_too(tmp_path):
    (tmp_path / "tasks.csv").write_text("id,question,checks\na,How much?,assert answer == '3'\n", encoding="utf-8")
    [task] = read_tasks(tmp_path / "tasks.csv", Settings(kind="math"), KINDS)
    assert (task.id, task.task.kind, task.task.checks[0].source.strip()) == ("a", "math", "assert answer == '3'")


@pytest.mark.parametrize(("row", "told"), [
    ({"quesion": "q"}, "There is no field named 'quesion'. Did you mean 'question'?"),
    ({"id": "b"}, "field 'question' is missing"),
    ({"question": " "}, "line 2: field 'question': it is empty."),
    ({"question": 3}, "field 'question'"),
    ({"question": "q", "kind": "maths"}, "There is no kind named 'maths'. Did you mean 'math'?"),
    ({"question": "q", "checks": "def"}, "check 1 is not valid Python"),
    ({"question": "q", "checks": "x = 1"}, "check 1 checks nothing"),
    ({"question": "q", "schema": {"type": "objekt"}}, "the schema is none"),
    ({"question": "q", "schema": {"items": {"$ref": "#/$defs/gone"}}}, "refers to '#/$defs/gone', which it does not"),
    ({"question": "q", "kind": "math", "schema": {"type": "object"}}, "kind 'math' does not use a schema"),
    ({"question": "q", "id": "a\ud800"}, "half a character"),
    ({"question": "q\udc00"}, "half a character"),
    ({"question": "q", "kind": "qa", "checks": "assert answer"}, "kind 'qa' does not use checks"),
    ({"question": "q", "id": ""}, "field 'id': it is empty"),
    ({"question": "q", "id": "  "}, "field 'id': it is empty"),
    ({"question": "q", "images": "gone.png"}, "gone.png can't be read"),
    ({"id": "1", "question": "again"}, "the id '1' is that of line 1 too"),
    ("[1]", "a row must be a JSON object"),
    ('{"question": ', "not JSON"),
])
def test_a_bad_row_is_told_with_its_line(read, row, told):
    with pytest.raises(InputError) as error:
        read({"question": "good"}, row)
    assert "tasks.jsonl, line 2: " in str(error.value) and told in str(error.value)


def test_the_same_tasks_and_settings_have_the_same_runs(tmp_path):
    tasks = [BatchTask("a", Task("q")), BatchTask("b", Task("q"))]

    def runs(tasks=tasks, **settings):
        return [job.run for job in Naming(Settings(**{"data_dir": tmp_path, **settings})).jobs(tasks)]

    assert runs() == runs(data_dir=tmp_path / "elsewhere") and len(set(runs())) == 2
    assert runs()[::-1] == runs(tasks[::-1])
    for change in ({"seed": 1}, {"model": "openai:other"}, {"max_rounds": 2}):
        assert not set(runs()) & set(runs(**change))
    with pytest.raises(InputError, match="Two tasks have the id 'a'"):
        runs([tasks[0], tasks[0]])
