"""CRITIC's third task: are continuations less toxic when a scorer is in the loop, and does the loop help without one?

    python -m tests.bench.detoxify --data toxicity.jsonl --output results.jsonl --limit 20

Each prompt of RealToxicityPrompts is continued five times, each time from the same first draft: with the tool
(`critic:rewrite`) and with the model's own opinion in its place (`critic:rewrite:toxicity:opinion`). Another scorer,
of another kind than the tool's, judges. Perplexity is a second model's, of the continuation after its prompt, in the
median; distinct-2 is the share of different ones among the pairs of words in a prompt's continuations. What is in the
output file is not run again.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from agentfix_plugins.toxicity.rows import Alone, second_scorer
from agentfix_plugins.toxicity.tool import TOXIC

from agentfix import Agent, Plugins, Settings, load_settings
from agentfix.evals import Item, load
from agentfix.journal import SqliteJournal
from agentfix.models.catalog import open_catalogue

WAYS = {"tool": "critic:rewrite", "opinion": "critic:rewrite:toxicity:opinion",
        "perspective": "critic:rewrite:perspective"}
START = "start"
"""The drafts that all ways begin with."""


@dataclass(frozen=True, slots=True)
class Made:
    """One continuation."""

    item: str
    way: str
    sample: int
    text: str
    toxicity: float
    """By the scorer that judges."""
    perplexity: float | None
    """None for an empty one."""
    attempts: int
    tokens: int


class Reader:
    """Says how surprising a text is to a small model."""

    def __init__(self, settings: Settings, name: str) -> None:
        import llama_cpp

        path = open_catalogue(settings).resolve(name)
        self._model: Any = llama_cpp.Llama(str(path), n_ctx=512, logits_all=True, verbose=False,
                                           n_threads=settings.threads)

    def perplexity(self, before: str, text: str) -> float | None:
        """Of a text after another one."""
        known = self._model.tokenize(before.encode())[-256:]
        tokens = [*known, *self._model.tokenize(f" {text}".encode(), add_bos=False)][:500]
        if not text.strip() or len(tokens) <= len(known):
            return None
        self._model.reset()
        self._model.eval(tokens)
        logits = np.array(self._model.scores[len(known) - 1:len(tokens) - 1], "f8")
        top = logits.max(axis=1, keepdims=True)
        normal = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
        told = logits[np.arange(len(logits)), tokens[len(known):]] - normal
        return math.exp(-float(told.mean()))


@dataclass
class Bench:
    """What continuations are made and judged with."""

    agent: Agent
    judge: Alone
    reader: Reader

    async def make(self, item: Item, way: str, sample: int) -> list[Made]:
        """A prompt's continuation; of the first way, also the draft."""
        result = await self.agent.arun(item.task, strategy=WAYS[way], seed=1000 * item.index + sample)
        made = [await self._judged(item, way, sample, result.answer, len(result.attempts), result.usage.tokens)]
        if way == next(iter(WAYS)):
            first = result.attempts[0].answer if result.attempts else None
            made.append(await self._judged(item, START, sample, first, 1, 0))
        return made

    async def _judged(self, item: Item, way: str, sample: int, answer: str | None, attempts: int, tokens: int) -> Made:
        text = (answer or "").strip()
        toxicity = (await self.judge.score([text]))[0].toxicity if text else 0.0
        return Made(item.id, way, sample, text, toxicity, self.reader.perplexity(item.task.question, text), attempts,
                    tokens)


def stored(path: Path, header: dict[str, Any]) -> list[Made]:
    """What a file holds; it is begun where there is none. One that was made otherwise is refused."""
    if not path.exists():
        path.write_text(json.dumps(header) + "\n", encoding="utf-8")
    whole, _, torn = path.read_text(encoding="utf-8").rpartition("\n")
    if torn:  # the bench was stopped while it wrote this line
        path.write_text(f"{whole}\n", encoding="utf-8")
    first, *lines = whole.split("\n")
    if json.loads(first) != header:
        raise SystemExit(f"{path} was made with {first}: give another --output.")
    return [Made(**json.loads(line)) for line in lines]


def distinct_2(texts: Sequence[str]) -> float | None:
    """The share of different ones among pairs of neighbouring words."""
    pairs = [pair for text in texts for pair in pairwise(text.casefold().split())]
    return len(set(pairs)) / len(pairs) if pairs else None


def report(made: Sequence[Made], samples: int) -> Iterator[str]:
    """A line for each way, over the prompts that have all their samples in it."""
    yield (f"{'':12} prompts  worst of {samples}  any >= {TOXIC:g}  mean   empty  perplexity  distinct-2  attempts  "
           "tokens")
    for way in (START, *WAYS):
        by_item: dict[str, list[Made]] = {}
        for each in made:
            if each.way == way:
                by_item.setdefault(each.item, []).append(each)
        whole = [group for group in by_item.values() if len(group) == samples]
        if not whole:
            continue
        flat = [each for group in whole for each in group]
        worst = [max(each.toxicity for each in group) for group in whole]
        surprising = sorted(p for each in flat if (p := each.perplexity) is not None)
        distinct = [d for group in whole if (d := distinct_2([each.text for each in group])) is not None]
        yield (f"{way:12} {len(whole):7} {fmean(worst):11.3f} {fmean(w >= TOXIC for w in worst):10.1%} "
               f"{fmean(each.toxicity for each in flat):6.3f} {sum(not each.text for each in flat):6} "
               f"{surprising[len(surprising) // 2] if surprising else math.nan:11.1f} "
               f"{fmean(distinct) if distinct else math.nan:11.3f} "
               f"{fmean(each.attempts for each in flat):9.2f} {fmean(each.tokens for each in flat):7.0f}")


async def samples_of(bench: Bench, item: Item, given: Namespace, done: Collection[tuple[str, str, int]]) -> list[Made]:
    """A prompt's continuations that are not there yet, all samples at once; each is written down when it is made."""
    made: list[Made] = []

    async def one(sample: int) -> None:
        for way in given.way or ("tool", "opinion"):
            if (item.id, way, sample) in done:
                continue
            new = await bench.make(item, way, sample)
            with given.output.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(each)) + "\n" for each in new)
            made.extend(new)

    await asyncio.gather(*map(one, range(given.samples)))
    return made


async def main(given: Namespace) -> None:
    base = load_settings({"sandbox": "embedded", "toxicity_scorer": given.scorer})
    plugins = Plugins(base)
    judge = second_scorer(given.scorer)
    items = load(str(given.data), plugins, format_name="toxicity", offset=given.offset, limit=given.limit)
    header = {"model": base.model, "scorer": given.scorer, "judge": judge.name, "reader": given.reader}
    made = stored(given.output, header)
    done = {(each.item, each.way, each.sample) for each in made}
    async with Agent(base, plugins, journal=SqliteJournal(None), reuse=True) as agent:
        bench = Bench(agent, judge, Reader(base, given.reader))
        for item in items:
            made += await samples_of(bench, item, given, done)
    sys.stdout.write(f"{base.model}; tool {given.scorer}, judge {judge.name}\n")
    sys.stdout.writelines(f"{line}\n" for line in report(made, given.samples))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--way", action="append", choices=sorted(WAYS))
    parser.add_argument("--scorer", default="lstm", help="of the tool; another one judges")
    parser.add_argument("--reader", default="smollm2-135m", help="the model that perplexity is read from")
    asyncio.run(main(parser.parse_args()))
