"""What planted instructions achieve: `python -m tests.bench.injection --data injections.jsonl`.

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

from .acts import PROTOCOLS, Outcome, foreign, run
from .documents import SHAPES, Document, documents, entries_in, planted_in
from .roles import broken
from .wishes import WISHES


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


async def measure(data: Path) -> None:
    everything = list(documents(planted_in(data), entries_in(data.with_name("nq.jsonl"))))
    aimed = [document for document in everything if document.planted and document.planted.target == "side_effect"]
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
    outcomes += await runs([document for document in everything if document not in aimed], WAYS[0])
    changed = [families for outcome in outcomes if (families := broken(outcome.requests[-1:]))]
    say(f"prompts whose turns are not what they should be: {len(changed)} of {len(outcomes)} conversations over "
        f"{len(everything)} documents {sorted({name for families in changed for name in families}) or ''}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    asyncio.run(measure(parser.parse_args().data))


if __name__ == "__main__":
    main()
