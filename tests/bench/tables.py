"""Makes the tables and curves of README anew: every strategy on a few items with a small model, the two best on all
items with the default model, each beside sampling at its price; the other data sets; and critics on recorded answers.

    python -m tests.bench.tables --data DIR --out DIR [--processes N] [--part NAME ...]

Everything that is finished stays in OUT and is not run again. Seeds are fixed: the run's is 0, each item adds its row.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from agentfix import Plugins, Settings

SMALL = "qwen2.5-coder-0.5b"
MODEL = "qwen2.5-coder-1.5b"
SCREENED = 30
"""Items of each set in the first part."""
SETS = ("gsm8k", "mbpp")
BASELINES = ("none", "self-consistency", "best-of-n")
OTHERS = frozenset({"retrieval", "auto", "abstain"})
"""Strategies that are for other tasks, or that choose among or end early the others here."""
CRITICS = ("first-error", "judge", "yes-no", "p-true", "if-or-else", "self-critique", "checklist")


@dataclass(frozen=True)
class Bench:
    """Where things lie, and on how many processes they are run.

    Args:
        data: the folder of the data sets, as JSON lines.
        out: what was found: records, tables, curves.
        processes: each runs a part of the items.
    """

    data: Path
    out: Path
    processes: int

    def evaluate(self, name: str, data_set: str, strategies: Sequence[str], *options: str, limit: int | None = None,
                 plot: bool = False) -> Path:
        """Run a data set through strategies; the table is printed and kept as NAME.txt, the records as NAME.jsonl."""
        file = self.data / f"{data_set}.jsonl"
        rows = sum(bool(line.strip()) for line in file.read_text(encoding="utf-8").splitlines())
        rows = rows if limit is None else min(rows, limit)
        listed = [word for strategy in strategies for word in ("--strategy", strategy)]
        command = [str(file), *listed, "--sandbox", "embedded", *options]
        shards = [(i * rows // self.processes, (i + 1) * rows // self.processes) for i in range(self.processes)]
        work = [
            self._start(["eval", *command, "--offset", str(first), "--limit", str(last - first), "--quiet", "--output",
                         str(self.out / f"{name}.{first}-{last}.part")], self.out / f"{name}.{first}.log")
            for first, last in shards if last > first
        ]
        if any(process.wait() for process in work):
            raise click.ClickException(f"{name}: see the .log files in {self.out}.")
        records = self.out / f"{name}.jsonl"
        _join(sorted(self.out.glob(f"{name}.*.part")), records)
        picture = ["--plot", str(self.out / f"{name}.svg")] if plot else []
        table = self._say(["eval", *command, "--limit", str(rows), "--quiet", "--output", str(records), *picture])
        (self.out / f"{name}.txt").write_text(table, encoding="utf-8")
        click.echo(f"\n{name}\n{table}")
        return records

    def say(self, name: str, words: Sequence[str]) -> None:
        """Run another command of agentfix, and keep what it prints as NAME.txt."""
        table = self._say(words)
        (self.out / f"{name}.txt").write_text(table, encoding="utf-8")
        click.echo(f"\n{name}\n{table}")

    def _start(self, words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen([sys.executable, "-m", "agentfix", *words], stdout=output, stderr=output)

    def _say(self, words: Sequence[str]) -> str:
        done = subprocess.run([sys.executable, "-m", "agentfix", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"agentfix {' '.join(words)}: {done.stderr.strip()[-2000:]}")
        return done.stdout


def _join(parts: Sequence[Path], whole: Path) -> None:
    """Put the records of several processes into one file, in the order of the items."""
    lines = [part.read_text(encoding="utf-8").splitlines() for part in parts]
    records = sorted((line for each in lines for line in each[1:]), key=lambda line: json.loads(line)["seed"])
    whole.write_text("\n".join([lines[0][0], *records]) + "\n", encoding="utf-8")


def screen(bench: Bench) -> None:
    """All strategies on a few items with the small model."""
    known = [entry.name for entry in Plugins(Settings(enabled_plugins=())).names("strategy")]
    strategies = [*BASELINES, *(name for name in known if name not in OTHERS and name not in BASELINES)]
    for data_set in SETS:
        bench.evaluate(f"screen-{data_set}", data_set, strategies, "--model", SMALL, "--no-baselines", limit=SCREENED)
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
    """The two that were chosen, on all items with the default model, beside sampling at the price of each."""
    for data_set in SETS:
        bench.evaluate(f"final-{data_set}", data_set, ["none", *chosen(bench)], "--model", MODEL, plot=True)


def search(bench: Bench) -> None:
    """Tree search on programs that are to be written and to be repaired."""
    for data_set in ("quixbugs", "mbpp"):
        bench.evaluate(f"search-{data_set}", data_set, ["mcts"], "--model", MODEL)


def maths(bench: Bench) -> None:
    """The strategy `critic` on the other two sets of CRITIC's word problems."""
    for data_set in ("svamp", "tabmwp"):
        bench.evaluate(f"maths-{data_set}", data_set, ["critic"], "--model", MODEL)


def questions(bench: Bench) -> None:
    """Questions of fact, with the passages as the corpus."""
    for data_set in ("nq", "hotpotqa"):
        corpus = str(bench.data / "wiki_passages.jsonl")
        bench.evaluate(f"questions-{data_set}", data_set, ["critic", "none", "retrieval"], "--model", MODEL,
                       "--equal-tokens", "--no-baselines", "--corpus", corpus, limit=50)


def critics(bench: Bench) -> None:
    """Critics alone, on recorded solutions whose first wrong step is known."""
    named = [word for critic in CRITICS for word in ("--critic", critic)]
    bench.say("critics", ["eval-critic", str(bench.data / "processbench.jsonl"), *named, "--model", MODEL, "--output",
                          str(bench.out / "critics.jsonl")])


PARTS: Mapping[str, Callable[[Bench], None]] = {
    part.__name__: part for part in (screen, final, search, maths, questions, critics)
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Where the data sets are.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where what is found is put.")
@click.option("--processes", type=click.IntRange(1), default=1, help="How many processes share the items.")
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="All of them unless told.")
def main(data: Path, out: Path, processes: int, parts: tuple[str, ...]) -> None:
    """Make the tables of README anew."""
    out.mkdir(parents=True, exist_ok=True)
    for part in parts or PARTS:
        PARTS[part](Bench(data, out, processes))


if __name__ == "__main__":
    main()
