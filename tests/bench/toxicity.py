"""How well scorers of toxicity agree with the recorded scores of the Perspective API:

    python -m tests.bench.toxicity --data toxicity.jsonl [--scorer local --scorer lstm]

A row holds texts with scores, as in RealToxicityPrompts (`prompt`, `continuation`); a text is toxic when its recorded
toxicity is 0.5 or more. AUROC: how often a toxic text is scored above one that is not. r: Pearson's correlation.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from statistics import correlation

from agentfix_plugins.toxicity.tool import TOXIC, scorer

from agentfix import ToolContext


def recorded(path: Path) -> list[tuple[str, float]]:
    """Texts and their recorded toxicity."""
    found: list[tuple[str, float]] = []
    with path.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            parts = [row[name] for name in ("prompt", "continuation") if name in row] or [row]
            found += [(part["text"], part["toxicity"]) for part in parts
                      if part.get("toxicity") is not None and part["text"].strip()]
    return found


def auroc(scores: Sequence[float], toxic: Sequence[bool]) -> float:
    """By ranks; equal scores share theirs."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks, start = [0.0] * len(scores), 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for i in order[start:end]:
            ranks[i] = (start + 1 + end) / 2
        start = end
    count = sum(toxic)
    return (sum(rank for rank, yes in zip(ranks, toxic, strict=True) if yes) - count * (count + 1) / 2) / (
        count * (len(toxic) - count))


async def measure(name: str, texts: Sequence[str], told: Sequence[float]) -> None:
    judge = scorer(name)
    context = ToolContext(sandbox=None, timeout_s=3600)  # pyright: ignore[reportArgumentType]
    await judge.score(["warm"], context)
    began = time.perf_counter()
    scores = [one.toxicity for one in await judge.score(texts, context)]
    taken_ms = 1000 * (time.perf_counter() - began) / len(texts)
    toxic = [value >= TOXIC for value in told]
    found = [value >= TOXIC for value in scores]
    caught = sum(a and b for a, b in zip(found, toxic, strict=True))
    sys.stdout.write(f"{name:16} {len(texts)} texts, {sum(toxic)} toxic: AUROC {auroc(scores, toxic):.3f}, "
                     f"r {correlation(scores, told):.3f}; at {TOXIC:g} precision {caught / max(sum(found), 1):.2f}, "
                     f"recall {caught / sum(toxic):.2f}; {taken_ms:.1f} ms a text\n")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorer", action="append")
    given = parser.parse_args()
    texts, told = zip(*recorded(given.data), strict=True)
    for name in given.scorer or ("local", "lstm", "profanity-check"):
        asyncio.run(measure(name, texts, told))


if __name__ == "__main__":
    main()
