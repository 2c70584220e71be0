"""What the local engine saves: `python -m tests.bench.local_engine [--part NAME ...] [--data FILE] [--json]`.

Beside llama-cpp-python's own `Llama`, servers over HTTP and bare loops over `llama_decode`, all in one run on one
machine, so that the ratios are what counts. Problems of the loop are taken from the file, JSON lines with a `question`;
without one, from the few below. All parts take more than half an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from agentfix.models.catalog import open_catalogue
from agentfix.settings import load_settings
from tests.bench.local_engine import crowd, equality, loop, overhead, revision, samples, scores, warm
from tests.bench.local_engine.common import Part, say
from tests.bench.sandbox.targets import show

PARTS = ("samples", "revision", "warm", "scores", "crowd", "overhead", "equality", "loop")
MODELS = ("qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m")
QUESTIONS = [
    "A baker fills 14 trays with 12 rolls each and burns 9 of them. How many rolls are left to sell?",
    "A train has 8 cars with 46 seats each. 251 seats are taken. How many are free?",
    "Mara reads 18 pages on each of 5 days and 31 pages on the sixth. How many pages has she read?",
]


async def measure(name: str, path: Path, given: argparse.Namespace) -> list[Part]:
    if name == "samples":
        return [samples.measure(path, given.times)]
    if name == "revision":
        return [await revision.measure(path, given.times)]
    if name == "warm":
        return [warm.measure(path)]
    if name == "scores":
        return [await scores.measure(path, given.times)]
    if name == "crowd":
        return [await crowd.measure(path)]
    if name == "overhead":
        return [overhead.measure(path, given.times)]
    if name == "equality":
        known = open_catalogue(load_settings())
        return [equality.measure(known.resolve(model)) for model in MODELS]
    questions = QUESTIONS
    if given.data:
        questions = [json.loads(line)["question"] for line in given.data.read_text().splitlines()]
    return [await loop.measure(path, questions[:given.limit], given.loop_times)]


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default=MODELS[0])
    arguments.add_argument("--part", choices=PARTS, action="append", help="only this one; may be given several times")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--limit", type=int, default=10, help="problems of the loop")
    arguments.add_argument("--times", type=int, default=3, help="the best of so many")
    arguments.add_argument("--loop-times", type=int, default=1, help="the same for the loop, which takes longest")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    path = open_catalogue(load_settings()).resolve(given.model)
    whole = Part()
    for name in given.part or PARTS:
        for part in await measure(name, path, given):
            whole.figures |= part.figures
            whole.targets += part.targets
            say(f"{name}: {part.figures}")
    show(whole.figures, whole.targets, given.json)


if __name__ == "__main__":
    asyncio.run(main())
