"""Answers a file of questions in a batch job of your own, each with its tests.

Results are in the file as they are finished. A second start of the job, after whatever killed the first, asks only what
is left, and tries again what failed. With `RayEngine(settings)`, of agentfix.batch.ray, the same tasks are answered by
the workers of a cluster; `agentfix batch` does all this for files in its own form.

Run it with: python examples/12_batch.py questions.jsonl answers.jsonl
"""

import asyncio
import json
import sys
from pathlib import Path

from agentfix import Check, Task, load_settings
from agentfix.batch import Batch, BatchTask, Engine, Limits, LocalEngine


def tasks_in(questions: Path) -> list[BatchTask]:
    lines = map(json.loads, questions.read_text(encoding="utf-8").splitlines())
    return [BatchTask(str(number), Task(line["question"], checks=tuple(map(Check, line["tests"]))))
            for number, line in enumerate(lines)]


async def main(batch: Batch, engine: Engine) -> None:
    async for line in batch.run(engine):
        print(f"{batch.tally.done} of {batch.tasks}: question {line['id']}", line["error"] or line["supported_by"])
    print(f"{batch.tally.supported} supported, {batch.left} left {batch.stopped}".strip())


if __name__ == "__main__":
    settings = load_settings()
    with Batch(tasks_in(Path(sys.argv[1])), settings, output=Path(sys.argv[2]), limits=Limits(100_000)) as job:
        asyncio.run(main(job, LocalEngine(settings, concurrency=8)))
