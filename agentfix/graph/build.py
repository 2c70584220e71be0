"""Wires the nodes into a LangGraph machine: the one importer of langgraph.

    START -> strategy --Expand--> actor  <-> tools
                ^  |  --Review--> critic <-> tools
                |  |  --Stop----> END
                +--+-- from actor and critic, when a move is made
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from agentfix.graph import nodes, routing
from agentfix.graph.context import RunContext
from agentfix.graph.state import RunState, initial

STEPS = 10**9
"""More graph steps than the engine's own limits let a run take: this one never ends it."""


def build() -> Any:
    """The compiled machine; parts come with the context of each run."""
    graph = StateGraph(RunState, context_schema=RunContext)

    async def strategy(state: RunState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        return await nodes.strategy(state, runtime.context)

    async def actor(state: RunState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        return await nodes.actor(state, runtime.context)

    async def critic(state: RunState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        return await nodes.critic(state, runtime.context)

    async def tools(state: RunState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        return await nodes.tools(state, runtime.context)

    graph.add_node("strategy", strategy)
    graph.add_node("actor", actor)
    graph.add_node("critic", critic)
    graph.add_node("tools", tools)
    graph.add_edge(START, "strategy")
    graph.add_conditional_edges("strategy", routing.after_strategy)
    graph.add_conditional_edges("actor", routing.after_asking)
    graph.add_conditional_edges("critic", routing.after_asking)
    graph.add_conditional_edges("tools", routing.after_tools)
    return graph.compile()


async def execute(machine: Any, context: RunContext) -> str:
    """Run the machine to its end.

    Returns:
        Why it stopped.
    """
    state = await machine.ainvoke(initial(), {"recursion_limit": STEPS}, context=context)
    return str(state["stop"])
