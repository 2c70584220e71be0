"""An evaluation as the command line runs it: taken up from its file, run, and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from agentfix.cli.eval_table import eval_object, show_table
from agentfix.cli.writing import write
from agentfix.evals import Evaluation, RecordFile, SandboxJudge, comparisons, figure, in_order, summarise
from agentfix.settings import Settings

if TYPE_CHECKING:
    from agentfix.evals import Contender, Item, Record, Runs
    from agentfix.plugins import Plugins

MakeAgent: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[Runs]]"


@dataclass(slots=True)
class Work:
    """What is run, and what has come of it."""

    data: str
    """Names the data set."""
    items: Sequence[Item]
    contenders: Sequence[Contender]
    settings: Settings
    plugins: Plugins
    equal_tokens: bool = False
    repeats: int = 1
    concurrency: int | None = None
    """How many items are run at once; by the model when None."""
    plot: Path | None = None
    """The file for the curves."""
    records: list[Record] = field(default_factory=lambda: [])

    @property
    def names(self) -> tuple[str, ...]:
        """Of the contenders."""
        return tuple(contender.name for contender in self.contenders)

    @property
    def runs(self) -> int:
        """How many records there will be."""
        return len(self.items) * self.repeats * len(self.contenders)

    def resume(self, output: Path | None) -> Callable[[Record], None]:
        """Take the finished records of the output file, if there is one; returns what appends to it."""
        if output is None:
            return lambda record: None
        settings = self.settings
        stored = RecordFile(output, {
            "data": self.data, "model": settings.model, "critic_model": settings.critic_model, "seed": settings.seed,
            "sandbox": settings.sandbox, "equal_tokens": self.equal_tokens,
            **({"tools": list(settings.tools)} if settings.tools else {}),
            **({"corpus": settings.corpus} if "corpus" in settings.model_fields_set else {}),
        })
        click.get_current_context().call_on_close(stored.close)
        wanted = in_order(stored.of(self.items), [item.id for item in self.items], self.names)
        self.records += [record for record in wanted if record.repeat < self.repeats]
        return stored.append

    async def go(self, make_agent: MakeAgent | None, keep: Callable[[Record], None]) -> None:
        """Run what is not done yet."""
        at_once = self.concurrency or self.settings.runs_at_once

        def finished(record: Record) -> None:
            self.records.append(record)
            keep(record)

        async with AsyncExitStack() as stack:
            judge = SandboxJudge(self.plugins.build("sandbox", self.settings.sandbox))
            stack.push_async_callback(judge.aclose)
            runs = await stack.enter_async_context((make_agent or _agent)(self.settings))
            evaluation = Evaluation(runs, judge, self.items, self.contenders, self.settings.seed, self.repeats, at_once)
            await evaluation.run(finished, tuple(self.records))

    def report(self, *, as_json: bool) -> None:
        """Print the table, or one JSON object; neither depends on what was finished first."""
        seed = self.settings.seed
        records = in_order(self.records, [item.id for item in self.items], self.names)
        summaries = summarise(records, self.names, seed=seed)
        pairs = comparisons(records, self.contenders, seed=seed)
        if as_json:
            click.echo(json.dumps(eval_object(summaries, pairs, records, model=self.settings.model, seed=seed)))
        else:
            show_table(summaries, pairs, records)
        if self.plot is not None and summaries:
            write(self.plot, figure(summaries, self.contenders))


def _agent(settings: Settings) -> AbstractAsyncContextManager[Runs]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings, reuse=True)
