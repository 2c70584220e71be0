"""Where the graph goes next: pure functions of the state.

They are async because LangGraph hands a plain one to a thread, several times in each round.
"""

from __future__ import annotations

from typing import Literal

from agentfix.graph.state import RunState


async def after_strategy(state: RunState) -> Literal["actor", "critic", "reflector", "finish"]:
    """To whoever makes the first move, or to the end of the run."""
    if state["stop"]:
        return "finish"
    match state["moves"][0]["move"]:
        case "expand":
            return "actor"
        case "reflect":
            return "reflector"
        case _:
            return "critic"


async def after_asking(state: RunState) -> Literal["tools", "strategy", "critic", "finish"]:
    """From actor or critic: to the tools that were asked for, to the next critic, or back to the hub."""
    if state["stop"]:
        return "finish"
    if state["pending"]:
        return "tools"
    return "critic" if state["reviewer"] else "strategy"


async def after_tools(state: RunState) -> Literal["actor", "critic", "finish"]:
    """Back to whoever asked."""
    return "finish" if state["stop"] else state["caller"]


async def after_reflecting(state: RunState) -> Literal["strategy", "finish"]:
    """Back to the hub."""
    return "finish" if state["stop"] else "strategy"
