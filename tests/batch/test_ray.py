"""A batch on workers that Ray keeps, which are killed. In processes of their own: Ray is not to be in this one."""

from __future__ import annotations

import random
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.batches import BatchProcess, CountingModel, Killer, children_of, write_tasks

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'agentfix[ray]'")
ARGUMENTS = ("--engine", "ray", "--workers", "2", "--concurrency", "4")
GONE_WITHIN_S = 20.0


def test_workers_and_driver_are_killed_and_each_result_is_there_once(tmp_path):
    with CountingModel(0.2) as model:
        batch = BatchProcess(tmp_path, model.spec, ARGUMENTS)
        asked = write_tasks(batch.tasks, 60)
        killer = Killer(batch, model, random.Random(1), within_s=0.5)
        batch.start()
        batch.told()
        assert killer.kill_worker() and killer.kill_worker()
        batch.told()
        batch.kill()
        killer.note()
        batch.start()
        batch.told()
        assert killer.kill_worker()
        below = [number for number, _ in children_of(batch.process.pid)]
        status, told, err = batch.ended()
    assert (status, told["answered"], told["failed"]) == (0, 60, 0)
    assert sorted(line["id"] for line in batch.lines()) == sorted(asked)
    assert len(killer.by_then) > 20 and killer.asked_again() == 0, "a call that had ended was made again"
    assert " was lost with " in err and below and gone(below)


def test_ctrl_c_leaves_no_process_behind(tmp_path):
    with CountingModel(0.2) as model:
        batch = BatchProcess(tmp_path, model.spec, ARGUMENTS)
        write_tasks(batch.tasks, 60)
        batch.start()
        batch.told()
        below = [number for number, _ in children_of(batch.process.pid)]
        model.delay_s = 60.0
        batch.process.send_signal(signal.SIGINT)
        while "under way end first" not in batch.told():
            pass
        batch.process.send_signal(signal.SIGINT)
        status, told, _ = batch.ended()
    assert status == 130 and told["left"] and len(batch.lines()) == told["answered"]
    assert below and gone(below)


def test_what_goes_wrong_for_every_task_is_told_once(tmp_path):
    batch = BatchProcess(tmp_path, "openai:m@nowhere", ARGUMENTS)
    write_tasks(batch.tasks, 3)
    batch.start()
    status, _, err = batch.ended()
    assert status == 2 and err.count("There is no endpoint named 'nowhere'") == 1 and "Traceback" not in err


def gone(processes):
    """Whether they are, after the while that Ray's own take to end."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while left := [number for number in processes if Path(f"/proc/{number}").exists()]:
        if time.monotonic() > deadline:
            return left == []
        time.sleep(0.1)
    return True
