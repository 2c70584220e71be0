"""Whether a model that orders passages anew brings the answer forward.

    python -m tests.bench.reranking --data passages.jsonl --questions questions.jsonl --limit 10

For each question, where the first passage with a gold answer stands among the best 20 by words, before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentfix_plugins.corpus_search.adding import add
from agentfix_plugins.corpus_search.index import Hit, Index
from agentfix_plugins.corpus_search.reranking import POOL, reranked

from agentfix import Completion, Message, Model, ModelRequest, Plugins, Sampling, load_settings
from agentfix.settings import split_model
from tests.bench.corpus import answers_of, found


def place(answers: Sequence[str], hits: Sequence[Hit]) -> int | None:
    """Where the first passage with an answer stands, from 1."""
    return next((number for number, hit in enumerate(hits, 1) if found(answers, [hit])), None)


async def measure(index: Index, rows: Sequence[Mapping[str, Any]], model: Model, depth: int) -> None:
    read_tokens = 0

    async def ask(messages: Sequence[Message], *, max_tokens: int = 1, top_logprobs: int = 0,
                  **_: Any) -> list[Completion]:
        nonlocal read_tokens
        sampling = Sampling(max_tokens=max_tokens)
        said = await model.generate(ModelRequest(tuple(messages), sampling, top_logprobs=top_logprobs))
        read_tokens += said[0].usage.tokens
        return said

    places: list[tuple[int | None, int | None]] = []
    began = time.perf_counter()
    for row in rows:
        hits = index.search(row["question"], depth)
        answers = answers_of(row)
        after = await reranked(row["question"], hits, ask, "corpus_search")
        places.append((place(answers, hits), place(answers, after)))
        sys.stdout.write(f"{places[-1][0] or '-':>4} -> {places[-1][1] or '-':<4} {row['question']}\n")
        sys.stdout.flush()
    seconds = time.perf_counter() - began
    for name, which in (("by words", 0), ("by the model", 1)):
        of = [pair[which] for pair in places]
        firsts = "   ".join(f"first {k}: {sum(at is not None and at <= k for at in of):3}" for k in (1, 5, depth))
        reciprocal = sum(1 / at for at in of if at is not None) / max(1, len(of))
        sys.stdout.write(f"{name:14} {firsts}   mean reciprocal rank {reciprocal:.3f}\n")
    sys.stdout.write(f"{len(rows)} questions, {seconds / max(1, len(rows)):.1f} s and "
                     f"{read_tokens // max(1, len(rows)):,} tokens a question\n")


async def run(options: argparse.Namespace) -> None:
    settings = load_settings({"model": options.model})
    backend, name = split_model(settings.model)
    rows = [json.loads(line) for line in options.questions.read_text(encoding="utf-8").splitlines()]
    model = Plugins(settings).build("model", backend, name)
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder, "bench.sqlite"), create=True)
        list(add(index, [options.data]))
        try:
            await measure(index, rows[options.first: options.first + options.limit], model, options.depth)
        finally:
            index.close()
            await model.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a file or folder to index")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0, help="how many questions to pass over")
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--depth", type=int, default=POOL, help="how many passages are ordered anew")
    parser.add_argument("--model", help="the default one when left out")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
