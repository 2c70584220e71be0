"""Whether what a run cites stands in the passages: `python -m tests.bench.citations RECORDS --data FILE`.

RECORDS is the --output file of an evaluation with strategy `critic`, FILE the corpus it searched. What was cited is
read from the journal, and looked for in the rows of the corpus character by character, with none of the plugin's code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from agentfix import load_settings
from agentfix.journal import SqliteJournal


def quoted(critique: dict[str, Any], best: int | None) -> list[tuple[bool, str]]:
    """What a critique cites, and whether it is for the answer that was returned."""
    return [(critique["attempt"] == best and each["polarity"] == "supports", each["detail"])
            for each in critique["evidence"] if each["kind"] == 3 and each["origin"] == "document"]


def stands(detail: str, texts: dict[str, list[str]]) -> bool:
    """Whether the quote of `[title] quote`, with the source on the next line, is in a passage of that title."""
    for title in (title for title in texts if detail.startswith(f"[{title}] ")):
        quote = detail.removeprefix(f"[{title}] ").rpartition("\n")[0]
        if quote and any(quote in text for text in texts[title]):
            return True
    return False


async def main() -> None:
    """Count, and print the quotes that are in no passage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the corpus: JSON lines with title and text")
    options = parser.parse_args()
    texts: dict[str, list[str]] = defaultdict(list)
    for line in options.data.open(encoding="utf-8"):
        row = json.loads(line)
        texts[" ".join(row["title"].split())].append(row["text"])
    records = [json.loads(line) for line in options.records.open(encoding="utf-8")]
    runs = [record["run_id"] for record in records if record.get("strategy") == "critic"]
    journal = SqliteJournal(load_settings().journal_path)
    whole = cited = quotes = wrong = 0
    for run in runs:
        (result,) = await journal.records(run, "result")
        found = [each for critique in result["critiques"] for each in quoted(dict(critique), result["best"])]
        missing = [detail for _, detail in found if not stands(detail, texts)]
        for detail in missing:
            sys.stdout.write(f"{run}: in no passage: {detail}\n")
        quotes, wrong = quotes + len(found), wrong + len(missing)
        whole += not missing
        cited += any(mine for mine, _ in found)
    await journal.aclose()
    sys.stdout.write(f"{whole} of {len(runs)} runs cite only what stands in a passage: {quotes - wrong} of {quotes} "
                     f"quotes do. {cited} answers are returned with a quote that supports them.\n")


if __name__ == "__main__":
    asyncio.run(main())
