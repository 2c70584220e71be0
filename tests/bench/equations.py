"""How often the calculator's check of claims is right on worked solutions:

    python -m tests.bench.equations --solutions gsm8k.jsonl --steps processbench.jsonl

Every equation of a reference solution should hold. A right step should never be refuted; a wrong one can be, when its
fault is one of arithmetic.
"""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentfix_plugins.calculator.claims import check
from agentfix_plugins.calculator.units import Units


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--solutions", type=Path, required=True)
    parser.add_argument("--steps", type=Path, required=True)
    given = parser.parse_args()
    units, count = Units(), Counter[str]()
    for row in rows(given.solutions):
        checked = check(re.sub(r"<<.*?>>", "", row["rationale"]), units)
        count["solutions"] += 1
        count["with equations"] += bool(checked)
        count["equations"] += len(checked)
        count["wrong"] += sum(not one.holds for one in checked)
    for row in rows(given.steps):
        before = row["steps"] if row["label"] < 0 else row["steps"][:row["label"] + 1]
        for number, step in enumerate(before):
            sort = "wrong" if number == row["label"] else "right"
            count[f"{sort} steps"] += 1
            count[f"{sort} steps refuted"] += any(not one.holds for one in check(step, units))
    sys.stdout.write("".join(f"{name:20} {number:6}\n" for name, number in count.items()))


if __name__ == "__main__":
    main()
