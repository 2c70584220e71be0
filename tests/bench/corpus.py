"""How fast a corpus is indexed and searched, and how often an answer is found.

    python -m tests.bench.corpus --data passages.jsonl --questions questions.jsonl

Rows of the questions hold `question` and `answers` (or `answer`). An answer is found when a gold answer stands, word by
word and without regard to case, accents and punctuation, in the title or text of one of the first passages.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentfix_plugins.corpus_search.adding import add
from agentfix_plugins.corpus_search.index import Hit, Index


def plain(text: str) -> str:
    """Words only, with a space around each."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    words = " ".join(re.findall(r"\w+", bare.casefold()))
    return f" {words} "


def found(answers: Sequence[str], hits: Sequence[Hit]) -> bool:
    read = [plain(f"{hit.piece.title} {hit.piece.text}") for hit in hits]
    return any(plain(answer) in text for answer in answers for text in read)


def answers_of(row: Mapping[str, Any]) -> list[str]:
    told = row.get("answers") or row.get("golden_answers") or [row["answer"]]
    return [str(answer) for answer in told]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a file or folder to index")
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("-k", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder, "bench.sqlite"), create=True)
        for label in ("indexing", "again, unchanged"):
            began = time.perf_counter()
            passages = sum(change.passages for change in add(index, [options.data]))
            sys.stdout.write(f"{label:20} {time.perf_counter() - began:8.2f} s   {passages:,} passages\n")
        sys.stdout.write(f"{'index file':20} {index.path.stat().st_size / 1e6:8.1f} MB\n")
        for file in options.questions:
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            times: list[float] = []
            computing: list[float] = []
            hits = 0
            for row in rows:
                began, computed = time.perf_counter(), time.thread_time()
                best = index.search(row["question"], options.k)
                times.append(1000 * (time.perf_counter() - began))
                computing.append(1000 * (time.thread_time() - computed))
                hits += found(answers_of(row), best)
            sys.stdout.write(f"{file.stem:20} {statistics.median(times):8.2f} ms   median of {len(rows)} queries, "
                             f"slowest {max(times):.1f} ms\n"
                             f"{'':20} {statistics.median(computing):8.2f} ms   of it computing, whoever else does so\n"
                             f"{'':20} {hits:8}      with an answer in the first {options.k}, of {len(rows)}\n")
        index.close()


if __name__ == "__main__":
    main()
