"""The file of results: each task once, whatever was killed, and nobody else's file is touched."""

from __future__ import annotations

import json
import os

import pytest

from agentfix import InputError, Settings, Task
from agentfix.batch import BatchTask
from agentfix.batch.answering import failed_line
from agentfix.batch.output import OutputFile
from agentfix.batch.tasks import Naming
from tests.simulated import line

TASKS = [BatchTask(name, Task(f"Question {name}")) for name in "abcd"]
NAMING = Naming(Settings())
JOBS = NAMING.jobs(TASKS)


def opened(path, tasks=TASKS, naming=NAMING):
    return OutputFile(path, naming.batch, naming.jobs(tasks))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.jsonl"


def ids(path):
    return [json.loads(text)["id"] for text in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_there_is_done(path):
    with opened(path) as file:
        assert not file.done
        file.append(line(JOBS[0]))
    with opened(path) as file:
        assert file.done == {"a"} and file.tally.usage.tokens == 100
        file.append(line(JOBS[1]))
    assert ids(path) == ["a", "b"]


@pytest.mark.parametrize("kept", [3, 60, -1])
def test_a_line_that_was_cut_off_is_not_there(path, kept):
    with opened(path) as file:
        for job in JOBS[:2]:
            file.append(line(job))
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:kept])
    with opened(path) as file:
        assert file.done == {"a"}
        file.append(line(JOBS[2]))
    assert ids(path) == ["a", "c"]


def test_what_failed_is_taken_out_to_be_tried_again(path):
    with opened(path) as file:
        for made in (failed_line(JOBS[0], "no"), line(JOBS[1]), failed_line(JOBS[2], "no")):
            file.append(made)
    with path.open("ab") as file:
        file.write(b'{"id": "d", "err')
    with opened(path) as file:
        assert file.done == {"b"} and ids(path) == ["b"]
        with pytest.raises(InputError, match="Another process writes results"):
            opened(path)
        file.append(line(JOBS[0]))
    assert ids(path) == ["b", "a"] and not path.with_name("results.jsonl.new").exists()


def test_tasks_that_are_not_asked_now_stay_in_it(path):
    with opened(path) as file:
        file.append(line(JOBS[0]))
    with opened(path, TASKS[1:]) as file:
        assert not file.done and file.tally.done == 0
    assert ids(path) == ["a"]


@pytest.mark.parametrize(("other", "told"), [
    ({"tasks": [BatchTask("a", Task("Something else"))]}, "holds a result of 'a', which was another task then"),
    ({"naming": Naming(Settings(seed=1))}, "made with other settings"),
])
def test_results_of_something_else_are_refused(path, other, told):
    with opened(path) as file:
        file.append(line(JOBS[0]))
    before = path.read_bytes()
    with pytest.raises(InputError, match=told):
        opened(path, **other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("usage", [{"tokens": 3}, {"prompt_tokens": "3"}, {"completion_tokens": -1}, {"cost": "x"}])
def test_a_usage_that_is_none_is_told_with_its_line(path, usage):
    with opened(path) as file:
        file.append(line(JOBS[0]))
        file.append({**line(JOBS[1]), "usage": usage})
    with pytest.raises(InputError, match="line 2: not a result of a batch"):
        opened(path)


def test_what_editors_add_is_passed_over(path):
    with opened(path) as file:
        file.append(line(JOBS[0]))
        file.append(failed_line(JOBS[1], "no"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\n")
    with opened(path) as file:
        assert file.done == {"a"}
    assert ids(path) == ["a"]


def test_taking_failed_lines_out_keeps_a_link_and_the_mode(path, tmp_path):
    real = tmp_path / "real.jsonl"
    real.touch(0o600)
    path.symlink_to(real)
    with opened(path) as file:
        file.append(failed_line(JOBS[0], "no"))
        real.chmod(0o640)
    with opened(path) as file:
        file.append(line(JOBS[0]))
    assert path.is_symlink() and ids(real) == ["a"] and real.stat().st_mode & 0o777 == 0o640


def test_what_can_not_be_read_again_is_refused(path):
    os.mkfifo(path)
    with pytest.raises(InputError, match="is no file that results could be read from again"):
        opened(path)


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b'{"question": "q"}\n', b"[]\n", b"\xff\n"])
def test_another_file_is_left_as_it_is(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a result of a batch"):
        opened(path)
    assert path.read_bytes() == content
