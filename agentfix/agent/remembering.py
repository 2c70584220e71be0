"""What a strategy remembers when a run begins, and what it learns when one ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix.agent.header import memory_in
from agentfix.errors import AgentFixError
from agentfix.graph.blame import blaming
from agentfix.graph.context import RunContext
from agentfix.models.replay import ReplayModel
from agentfix.protocols import LearningStrategy, Memory, Strategy


async def remembered(strategy: Strategy, kind: str, before: Mapping[str, Any] | None,
                     memory: Memory | None) -> Mapping[str, Any]:
    """What a strategy that learns remembers of a kind of task.

    Args:
        strategy: of the run.
        kind: of the task.
        before: the header of the run that is taken up, replayed or forked: it goes on with what was remembered then.
        memory: None where nothing is remembered.

    Raises:
        JournalError: the memory can't be read.
    """
    if not isinstance(strategy, LearningStrategy):
        return {}
    if before is not None:
        return memory_in(before, strategy.name)
    return {} if memory is None else await memory.recall(strategy.name, kind)


async def learn(context: RunContext, memory: Memory) -> None:
    """Have a strategy learn from a run that is about to end. A run that ended before taught it then, and a recording
    teaches nothing."""
    strategy = context.strategy
    if not isinstance(strategy, LearningStrategy) or isinstance(context.actor, ReplayModel) or not context.attempts:
        return
    if await context.calls.journal.records(context.calls.run_id, "result"):
        return
    tree = context.tree()

    def change(held: Mapping[str, Any]) -> Mapping[str, Any]:
        with blaming("strategy", strategy.name):
            return strategy.learn(tree, held)

    try:
        await memory.learn(strategy.name, context.task.kind, change)
    except AgentFixError as error:
        context.emit("notice", {"message": f"Nothing was learnt from this run: {error}"})
