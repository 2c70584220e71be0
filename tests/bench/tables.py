"""Makes the tables and curves of README anew: every strategy on a few items with a small model, the two best and the
default one on all items with the default model, each beside sampling at its price; the other data sets; and critics on
recorded answers.

    python -m tests.bench.tables --data DIR --out DIR [--processes N] [--concurrency N] [--part NAME ...]

On one H200, screen and final took 8 minutes: 7 processes for each data set, 16 items at once in each, and CUDA's MPS to
share it. What is finished stays in OUT and is not run again. Seeds are fixed: the run's is 0, each item adds its row.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click

from agentfix import Plugins, Settings

SMALL = "qwen2.5-coder-0.5b"
MODEL = "qwen2.5-coder-1.5b"
SCREENED = 30
"""Items of each set in the first part."""
SETS = ("gsm8k", "mbpp")
DEFAULT = "critic"
BASELINES = ("none", "self-consistency", "best-of-n")
OTHERS = frozenset({"retrieval", "auto", "abstain", "objection"})
"""Strategies that are for other tasks, or that choose among or end early the others here."""
CRITICS = ("first-error", "judge", "yes-no", "p-true", "if-or-else", "self-critique", "checklist")


@dataclass(frozen=True)
class Bench:
    """Where things lie, and how the items are shared.

    Args:
        data: the folder of the data sets, as JSON lines.
        out: what was found: records, tables, curves.
        processes: each runs a part of the items.
        concurrency: items at once in each of them.
    """

    data: Path
    out: Path
    processes: int = 1
    concurrency: int | None = None

    def evaluate(self, name: str, data_set: str, strategies: Sequence[str], *options: str, limit: int | None = None,
                 plot: bool = False) -> None:
        """Run a data set through strategies."""
        listed = [word for strategy in strategies for word in ("--strategy", strategy)]
        at_once = ["--concurrency", str(self.concurrency)] if self.concurrency else []
        picture = ["--plot", str(self.out / f"{name}.svg")] if plot else []
        self.run(name, "eval", data_set, [*listed, "--sandbox", "embedded", *at_once, *options], picture, limit)

    def run(self, name: str, command: str, data_set: str, options: Sequence[str], last: Sequence[str] = (),
            limit: int | None = None) -> None:
        """Run a command over a data set. The table is printed and kept as NAME.txt, the records as NAME.jsonl.

        Args:
            name: of what is made.
            command: of agentfix.
            data_set: by name.
            options: of the command.
            last: further ones, for what makes the table.
            limit: how many of the items; all when None.
        """
        file = self.data / f"{data_set}.jsonl"
        rows = sum(bool(line.strip()) for line in file.read_bytes().split(b"\n"))
        rows = rows if limit is None else min(rows, limit)
        words = [sys.executable, "-m", "agentfix", command, str(file), *options, "--quiet"]
        bounds = [i * rows // self.processes for i in range(self.processes + 1)]
        parts = [(first, self.out / f"{name}.{first}-{end}.part", end - first)
                 for first, end in pairwise(bounds) if end > first]
        work = [_start([*words, "--offset", str(first), "--limit", str(count), "--output", str(part)],
                       part.with_suffix(".log")) for first, part, count in parts]
        if any([process.wait() for process in work]):
            raise click.ClickException(f"{name}: see the .log files in {self.out}.")
        records = self.out / f"{name}.jsonl"
        _join([part for _, part, _ in parts], records)
        made = [*words, "--limit", str(rows), "--output", str(records), *last]
        done = subprocess.run(made, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{' '.join(made)}: {done.stderr.strip()[-2000:]}")
        (self.out / f"{name}.txt").write_text(done.stdout, encoding="utf-8")
        click.echo(f"\n{name}\n{done.stdout}")


def _start(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(words, stdout=output, stderr=output)


def _join(parts: Sequence[Path], whole: Path) -> None:
    """Put the records of several processes into one file, in the order of the items."""
    lines = [part.read_text(encoding="utf-8").splitlines() for part in parts]
    whole.write_text("\n".join([lines[0][0], *(line for each in lines for line in each[1:])]) + "\n", encoding="utf-8")


def _at_once(make: Callable[[str], None], data_sets: Sequence[str]) -> None:
    with ThreadPoolExecutor() as pool:
        for ended in [pool.submit(make, data_set) for data_set in data_sets]:
            ended.result()


def screen(bench: Bench) -> None:
    """All strategies on a few items with the small model."""
    known = [entry.name for entry in Plugins(Settings(enabled_plugins=())).names("strategy")]
    strategies = [*BASELINES, *(name for name in known if name not in OTHERS and name not in BASELINES)]
    _at_once(lambda data_set: bench.evaluate(f"screen-{data_set}", data_set, strategies, "--model", SMALL,
                                             "--no-baselines", limit=SCREENED), SETS)
    click.echo(f"chosen: {', '.join(chosen(bench))}")


def chosen(bench: Bench) -> list[str]:
    """The two strategies that were right most often on the screened items; of equals, those that wrote less."""
    right: dict[str, float] = {}
    written: dict[str, float] = {}
    for data_set in SETS:
        for line in (bench.out / f"screen-{data_set}.jsonl").read_text(encoding="utf-8").splitlines()[1:]:
            record = json.loads(line)
            name = record["strategy"]
            right[name] = right.get(name, 0) + record["correct"]
            written[name] = written.get(name, 0) + record["completion_tokens"]
    return sorted((name for name in right if name not in BASELINES), key=lambda n: (-right[n], written[n]))[:2]


def final(bench: Bench) -> None:
    """The two that were chosen and the default one, on all items with the default model, beside sampling at the price
    of each."""
    strategies = list(dict.fromkeys(["none", *chosen(bench), DEFAULT]))
    _at_once(lambda data_set: bench.evaluate(f"final-{data_set}", data_set, strategies, "--model", MODEL, plot=True),
             SETS)


def search(bench: Bench) -> None:
    """Tree search on programs that are to be written and to be repaired."""
    _at_once(lambda data_set: bench.evaluate(f"search-{data_set}", data_set, ["mcts"], "--model", MODEL),
             ("quixbugs", "mbpp"))


def maths(bench: Bench) -> None:
    """The strategy `critic` on the other two sets of CRITIC's word problems."""
    _at_once(lambda data_set: bench.evaluate(f"maths-{data_set}", data_set, ["critic"], "--model", MODEL),
             ("svamp", "tabmwp"))


def questions(bench: Bench) -> None:
    """Questions of fact, with the passages as the corpus."""
    for data_set in ("nq", "hotpotqa"):
        corpus = str(bench.data / "wiki_passages.jsonl")
        bench.evaluate(f"questions-{data_set}", data_set, ["critic", "none", "retrieval"], "--model", MODEL,
                       "--equal-tokens", "--no-baselines", "--corpus", corpus, limit=50)


def critics(bench: Bench) -> None:
    """Critics alone, on recorded solutions whose first wrong step is known."""
    named = [word for critic in CRITICS for word in ("--critic", critic)]
    bench.run("critics", "eval-critic", "processbench", [*named, "--model", MODEL])


PARTS: Mapping[str, Callable[[Bench], None]] = {
    part.__name__: part for part in (screen, final, search, maths, questions, critics)
}

NEEDED: Mapping[str, Sequence[str]] = {
    "screen": SETS, "final": SETS, "search": ("quixbugs", "mbpp"), "maths": ("svamp", "tabmwp"),
    "questions": ("nq", "hotpotqa", "wiki_passages"), "critics": ("processbench",),
}
"""The files that each part reads, as NAME.jsonl."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Where the data sets are.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where what is found is put.")
@click.option("--processes", type=click.IntRange(1), default=1, help="How many processes share the items.")
@click.option("--concurrency", type=click.IntRange(1), help="Items at once in each of them; eval's own unless told.")
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="All of them unless told.")
def main(data: Path, out: Path, processes: int, concurrency: int | None, parts: tuple[str, ...]) -> None:
    """Make the tables of README anew."""
    chosen_parts = parts or tuple(PARTS)
    missing = [f"{name}.jsonl" for name in dict.fromkeys(name for part in chosen_parts for name in NEEDED[part])
               if not (data / f"{name}.jsonl").exists()]
    if missing:
        raise click.ClickException(f"{data} lacks {', '.join(missing)}. Fetch a set with `agentfix datasets pull`, or "
                                   "choose other parts with --part.")
    out.mkdir(parents=True, exist_ok=True)
    for part in chosen_parts:
        PARTS[part](Bench(data, out, processes, concurrency))


if __name__ == "__main__":
    main()
