"""Wires the nodes into a LangGraph machine: the one importer of langgraph.

    START -> begin -> strategy --Expand--> actor  <-> tools
                       ^  |   --Review---> critic <-> tools
                       |  |   --Reflect--> reflector
                       |  |   --Stop-----> finish -> END
                       +--+-- from actor, critic and reflector, when a move is made
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agentfix.errors import AgentFixError, PluginError
from agentfix.graph import attempting, inheriting, nodes, reflecting, routing, world
from agentfix.graph.context import RunContext
from agentfix.graph.state import Outcome, Question, RunState
from agentfix.types import Stop

_LOG = logging.getLogger(__name__)
STEPS = 10**9
"""More graph steps than the engine's own limits let a run take: this one never ends it."""

Node: TypeAlias = Callable[[RunState, RunContext], Awaitable[dict[str, Any]]]


class Runs(Protocol):
    """Holds the live side of runs, which LangGraph's state, being plain JSON, can't."""

    async def begin(self, question: Mapping[str, Any], write: Callable[[Any], None]) -> RunContext:
        """Open a run, or take the one that was opened under the name given."""
        ...

    async def context(self, state: Mapping[str, Any], write: Callable[[Any], None]) -> RunContext:
        """The run that a state belongs to; brought back from the journal when this process does not hold it."""
        ...

    async def finish(self, context: RunContext, stop: Stop) -> dict[str, Any]:
        """End a run. Returns its result as plain JSON."""
        ...

    async def close(self, run: str) -> None:
        """Let go of what a run holds; it can be brought back."""
        ...


def build(runs: Runs) -> Any:
    """The machine, not yet compiled, so that who compiles it can bring a checkpointer and interrupts.

    Args:
        runs: where nodes find what their state stands for.
    """
    graph = StateGraph(RunState, input_schema=Question, output_schema=Outcome)

    async def begin(state: Question, runtime: Runtime[Any]) -> RunState:
        return inheriting.opening(await runs.begin(state, runtime.stream_writer))

    async def finish(state: RunState, runtime: Runtime[Any]) -> dict[str, Any]:
        context = await runs.context(state, runtime.stream_writer)
        await world.settle(context)
        result = await runs.finish(context, nodes.ending(state, context))
        return {"result": result, "answer": result["answer"]}

    graph.add_node("begin", begin)
    for name, node in (("strategy", nodes.strategy), ("actor", attempting.actor), ("critic", nodes.critic),
                       ("reflector", reflecting.reflector), ("tools", nodes.tools)):
        graph.add_node(name, _live(node, runs))
    graph.add_node("finish", finish)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "strategy")
    graph.add_conditional_edges("strategy", routing.after_strategy)
    graph.add_conditional_edges("actor", routing.after_asking)
    graph.add_conditional_edges("critic", routing.after_asking)
    graph.add_conditional_edges("tools", routing.after_tools)
    graph.add_conditional_edges("reflector", routing.after_reflecting)
    graph.add_edge("finish", END)
    return graph


def _live(node: Node, runs: Runs) -> Any:
    """A node as LangGraph wants it. What fails after something was attempted ends the run and loses nothing; a run that
    is cancelled holds nothing any more, and can be brought back."""

    async def run(state: RunState, runtime: Runtime[Any]) -> dict[str, Any]:
        context = await runs.context(state, runtime.stream_writer)
        try:
            return await node(state, context)
        except asyncio.CancelledError:
            await runs.close(context.calls.run_id)
            raise
        except AgentFixError as error:
            blamed = f" of plugin {error.plugin!r}" if isinstance(error, PluginError) else ""
            _LOG.warning("run %s: %s%s", context.calls.run_id, type(error).__name__, blamed)
            if not context.attempts:
                await runs.close(context.calls.run_id)
                raise
            context.emit("notice", {"message": str(error)})
            return {"stop": f"failed: {error}"}

    return run


async def execute(machine: Any, run: str) -> None:
    """Run the compiled machine to its end.

    Args:
        machine: from `build`.
        run: the name of a run that is open.
    """
    await machine.ainvoke({"run_id": run}, {"recursion_limit": STEPS})
