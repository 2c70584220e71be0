"""Workers and drivers of a Ray batch killed at random: `python -m tests.bench.batch_kills [--kills 20] [--seed 0]`.

Two local workers, and an endpoint on loopback that counts. Each kill is SIGKILL of a random worker at a random moment,
and then, in batches of their own, of the driver, which is started again. What must come out: each task once in the
output, and no call made twice whose end was in the journal when a kill came. Calls that were under way are made again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.batches import BatchProcess, CountingModel, Killer, children_of, write_tasks

TASKS = 120
DELAY_S = 0.3
ARGUMENTS = ("--engine", "ray", "--workers", "2", "--concurrency", "4")
ROW = "{:<16}{:>6}{:>7}{:>7}{:>7}{:>8}{:>9}{:>13}{:>9}{:>9}"


def batches(kills: int, who: str, chance: random.Random) -> None:
    """Run batches until there were so many kills, and print a line for each."""
    done = 0
    while done < kills:
        with tempfile.TemporaryDirectory() as folder, CountingModel(DELAY_S) as model:
            batch = BatchProcess(Path(folder), model.spec, ARGUMENTS)
            ids = write_tasks(batch.tasks, TASKS)
            batch.start()
            killer = Killer(batch, model, chance)
            began = time.monotonic()
            while killer.killed + done < kills and (_kill_driver(killer) if who == "driver" else killer.kill_worker()):
                pass
            batch.ended()
            took = time.monotonic() - began
            lines = [line["id"] for line in batch.lines()]
            failed = sum(line["error"] is not None for line in batch.lines())
            calls = len(batch.ended_calls())
            left = sum(name.startswith("ray::BatchWorker") for _, name in children_of(1))
            row = (f"{who}s killed", killer.killed, len(ids), len(set(lines)), len(lines) - len(set(lines)), failed,
                   calls, killer.asked_again(), sum(model.count.values()) - calls, f"{took:.0f} s")
            sys.stdout.write(ROW.format(*map(str, row)) + (f"  {left} workers left\n" if left else "\n"))
            sys.stdout.flush()
            done += max(1, killer.killed)


def _kill_driver(killer: Killer) -> bool:
    while killer.batch.lives and not killer.batch.workers():
        time.sleep(0.05)
    time.sleep(killer.chance.uniform(0, 8))
    if not killer.batch.lives:
        return False
    killer.batch.kill()
    killer.killed += 1
    killer.note()
    killer.batch.start()
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--driver-kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    sys.stdout.write(ROW.format("", "kills", "tasks", "once", "twice", "failed", "calls", "ended, again", "cut off",
                                "took") + "\n")
    batches(arguments.kills, "worker", chance)
    batches(arguments.driver_kills, "driver", chance)


if __name__ == "__main__":
    main()
