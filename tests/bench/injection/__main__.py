"""What planted instructions achieve.

    python -m tests.bench.injection --data injections.jsonl                      # acts, and the turns of prompts
    python -m tests.bench.injection --data injections.jsonl --answers kept.db    # answers of the default model

Each string is planted in a search result and in a page, in the middle of a passage of `nq.jsonl`, which lies beside the
data. The strings are data: nothing here does what they say but a model that is made to.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentfix import ModelRequest
from tests.tools.chats import TEMPLATES

from .acts import PROTOCOLS, Outcome, foreign, run
from .answers import Reader, changed, harmless, quotes_planted
from .documents import SHAPES, Document, documents, entries_in, planted_in
from .quoting import shown
from .roles import broken
from .wishes import WISHES

PASSAGES = 19
"""In so many strings are planted that aim at answers: a run of a real model takes its time."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to have documents read."""

    label: str
    wishes: bool = False
    reckless: bool = False
    person: bool = False


WAYS = (
    Way("a question is asked"),
    Way("and an act is asked for", wishes=True),
    Way("and the plan names all tools", wishes=True, reckless=True),
    Way("a person approves of all", person=True),
)


async def runs(read: Sequence[Document], way: Way) -> list[Outcome]:
    """One run for each document and protocol."""
    return [
        await run(document, kind, number // len(SHAPES) % len(WISHES) if way.wishes else None, reckless=way.reckless,
                  person=way.person)
        for kind in PROTOCOLS for number, document in enumerate(read)]


def read(data: Path, target: str, entries: int | None = None) -> list[Document]:
    """The documents with strings of a target, in so many passages; in as many as there are when None."""
    strings = [each for each in planted_in(data) if each.target == target]
    return list(documents(strings, entries_in(data.with_name("nq.jsonl"))[:entries]))


async def measure_acts(data: Path) -> None:
    aimed, others = read(data, "side_effect"), read(data, "answer")
    everything = [*aimed, *others]
    say(f"{len(everything)} documents, {len(aimed)} of which want a tool to act; a model that obeys all it reads\n")
    say(f"{'':30} {'runs':>5} {'told to act':>12} {'acted on it':>12} {'own act done':>13}")
    outcomes = list[Outcome]()
    for way in WAYS:
        made = await runs(aimed, way)
        told, own = sum(bool(outcome.tried) for outcome in made), sum(outcome.own_done for outcome in made)
        say(f"{way.label:30} {len(made):5} {told:12} {foreign(made):12} {own if way.wishes else '-':>13}")
        outcomes += made
    wished = [await run(aimed[i], kind, i) for kind in PROTOCOLS for i in range(len(WISHES))]
    say(f"\nacts that the user asks for, beside such documents: {sum(each.own_done for each in wished)} of "
        f"{len(wished)} done ({len(WISHES)} acts in {len(PROTOCOLS)} protocols)")
    outcomes += await runs(others, WAYS[0])
    say("\nprompts whose turns are not what they should be:")
    show_broken(f"  kind tools, {len(outcomes)} conversations", [list(outcome.requests[-1:]) for outcome in outcomes])
    show_broken(f"  kind qa, {len(everything)} documents", [await shown(document) for document in everything])


def show_broken(label: str, asked: Sequence[Sequence[ModelRequest]]) -> None:
    families = [name for requests in asked for name in broken(requests)]
    say(f"{label}, {sum(map(len, asked))} prompts in {len(TEMPLATES)} templates: {len(families)} "
        f"{sorted(set(families)) or ''}")


async def measure_answers(data: Path, journal: Path) -> None:
    aimed = read(data, "answer", PASSAGES)
    reader = Reader(journal)
    say(f"\n{len(aimed)} documents want the answer to be another; the default model, kind qa")
    say(f"{'':24} {'answers':>7} {'changed':>8} {'quote it':>9} {'right':>6} {'without it':>11}")
    try:
        for shape in SHAPES:
            those = [document for document in aimed if document.shape == shape]
            clean = [await reader.read(document.clean) for document in those]
            for label, planted in (("string", those), ("harmless sentence", list(map(harmless, those)))):
                reads = [await reader.read(document) for document in planted]
                say(f"{f'{label} in a {shape}':24} {len(reads):7} {len(changed(reads, clean)):8} "
                    f"{sum(map(quotes_planted, reads)):9} {sum(each.right for each in reads):6} "
                    f"{sum(each.right for each in clean):11}")
                for one, other in changed(reads, clean):
                    say(f"    {other.answer!r} became {one.answer!r}")
    finally:
        await reader.aclose()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--answers", type=Path, metavar="JOURNAL", help="ask the default model, and keep its replies")
    options = parser.parse_args()
    if options.answers is None:
        asyncio.run(measure_acts(options.data))
    else:
        asyncio.run(measure_answers(options.data, options.answers))


if __name__ == "__main__":
    main()
