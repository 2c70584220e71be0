"""`agentfix batch` whole, in processes of its own, against a model on loopback."""

from __future__ import annotations

import json
import signal
import sys
import threading

import pytest

from agentfix.cli.main import main
from tests.batches import BatchProcess, CountingModel, Killer, write_tasks


@pytest.fixture
def batch(tmp_path):
    with CountingModel(0.05) as model:
        yield BatchProcess(tmp_path, model.spec), model


def ids(batch):
    return sorted(line["id"] for line in batch.lines())


def test_each_line_is_a_result_and_a_second_start_asks_nothing(batch):
    batch, model = batch
    asked = write_tasks(batch.tasks, 6)
    batch.start()
    status, told, err = batch.ended()
    assert (status, told["tasks"], told["answered"], told["left"]) == (0, 6, 6, 0)
    assert len(err.splitlines()) == 6 and ids(batch) == asked and set(model.count.values()) == {1}
    for line in batch.lines():
        assert line["error"] is None and line["answer"] == "Because it is so." and line["run_id"].startswith("batch-")
        assert {"supported_by", "abstained", "attempts", "usage", "seconds"} <= line.keys()
    requests = sum(model.count.values())
    batch.start()
    assert batch.ended()[:2] == (0, told) and sum(model.count.values()) == requests
    batch.output.unlink()  # what is lost is in the journal
    batch.start()
    assert batch.ended()[0] == 0 and ids(batch) == asked and sum(model.count.values()) == requests


def test_ctrl_c_lets_runs_end_and_a_second_one_stops_them(batch):
    batch, model = batch
    asked = write_tasks(batch.tasks, 30)
    batch.start()
    batch.told()
    batch.process.send_signal(signal.SIGINT)
    while "under way end first" not in batch.told():
        pass
    status, told, err = batch.ended()
    assert status == 130 and told["stopped"] == "interrupted" and "The same command goes on from here." in err
    assert 0 < told["answered"] == len(batch.lines()) < 30 and not told["failed"]

    killer = Killer(batch, model, None)
    batch.start()
    batch.told()
    model.delay_s = 60.0
    batch.process.send_signal(signal.SIGINT)
    while "under way end first" not in batch.told():
        pass
    batch.process.send_signal(signal.SIGINT)
    assert batch.ended()[0] == 130
    killer.note()

    model.delay_s = 0.01
    batch.start()
    assert batch.ended()[0] == 0 and ids(batch) == sorted(asked) and killer.asked_again() == 0


def test_a_driver_that_is_killed_goes_on_where_it_was(batch):
    batch, model = batch
    asked = write_tasks(batch.tasks, 20)
    killer = Killer(batch, model, None)
    for lines in (1, 5):
        batch.start()
        for _ in range(lines):
            batch.told()
        batch.kill()
        killer.note()
    batch.start()
    assert batch.ended()[0] == 0 and ids(batch) == sorted(asked)
    assert killer.by_then and killer.asked_again() == 0


def test_sigterm_stops_at_once_and_nothing_is_lost(batch):
    batch, model = batch
    asked = write_tasks(batch.tasks, 12)
    batch.start()
    batch.told()
    model.delay_s = 60.0
    batch.process.terminate()
    status, told, err = batch.ended()
    assert status == 130 and told["left"] and "The same command goes on from here." in err
    model.delay_s = 0.01
    batch.start()
    assert batch.ended()[0] == 0 and ids(batch) == sorted(asked)


def test_an_endpoint_that_dies_in_the_middle_costs_no_result(tmp_path):
    with CountingModel(0.05) as first, CountingModel(0.05) as second:
        settings = f'[endpoints.two]\nbase_urls = ["{first.url}", "{second.url}"]\n'
        batch = BatchProcess(tmp_path, "openai:m@two", ("--concurrency", "8"), settings)
        asked = write_tasks(batch.tasks, 40)
        batch.start()
        for _ in range(8):
            batch.told()
        by_then = sum(first.count.values())
        threading.Thread(target=first.die).start()
        status, told, _ = batch.ended()
    assert (status, told["answered"], told["failed"]) == (0, 40, 0) and ids(batch) == sorted(asked)
    assert by_then > 8 and sum(second.count.values()) > by_then


def test_a_limit_for_all_tasks_leaves_the_rest(batch):
    batch, _ = batch
    write_tasks(batch.tasks, 40)
    batch.arguments = ("--max-tokens-total", "400", "--concurrency", "2")
    batch.start()
    status, told, err = batch.ended()
    assert status == 1 and told["stopped"] == "tokens" and told["left"] and "limit of tokens" in err
    spent = told["prompt_tokens"] + told["completion_tokens"]
    each = spent / told["answered"]
    assert 400 <= spent <= 400 + 2 * each
    batch.start()  # what earlier starts spent counts
    assert batch.ended()[1] == told


def test_what_goes_wrong_for_every_task_ends_the_batch(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path / "tasks.jsonl", 3)
    ask = ["batch", "tasks.jsonl", "--output", "results.jsonl", "--sandbox", "embedded"]
    assert main([*ask, "--model", "openai:m@nowhere"]) == 2
    assert "There is no endpoint named 'nowhere'" in capsys.readouterr().err
    assert (tmp_path / "results.jsonl").read_bytes() == b""
    assert main([*ask, "--model", "openai:m@http://127.0.0.1:9/v1", "--workers", "2"]) == 2
    assert "--workers needs --engine ray" in capsys.readouterr().err
    assert main([*ask, "--model", "openai:m@http://127.0.0.1:9/v1", "--ray-address", "auto"]) == 2
    assert "--ray-address needs --engine ray" in capsys.readouterr().err
    assert main([*ask, "--model", "openai:m@http://127.0.0.1:9/v1", "--max-cost-total", "1"]) == 2
    assert "--max-cost-total can't be held: no price of 'm' is known." in capsys.readouterr().err
    assert main([*ask, "--model", "openai:m@http://127.0.0.1:9/v1", "--max-cost-total", "nan"]) == 2
    assert "nan" in capsys.readouterr().err
    assert main(["batch", "tasks.jsonl", "--output", "tasks.jsonl"]) == 2
    assert "would be written over" in capsys.readouterr().err


def test_without_ray_it_is_said_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path / "tasks.jsonl", 1)
    assert main(["batch", "tasks.jsonl", "--output", "results.jsonl", "--engine", "ray"]) == 2
    assert "pip install 'agentfix[ray]'" in capsys.readouterr().err


def test_a_bad_line_is_told_before_anything_is_asked(batch, capsys, monkeypatch):
    batch, model = batch
    write_tasks(batch.tasks, 3)
    with batch.tasks.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"question": "q", "contxt": "c"}) + "\n")
    batch.start()
    status, _, err = batch.ended()
    assert status == 2 and "line 4: There is no field named 'contxt'. Did you mean 'context'?" in err
    assert not model.count and not batch.output.exists()
