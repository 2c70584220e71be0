"""Where the graph goes next: pure functions of the state."""

from __future__ import annotations

from typing import Literal

from agentfix.graph.state import RunState


def after_strategy(state: RunState) -> Literal["actor", "critic", "__end__"]:
    """To whoever makes the first move, or to the end."""
    if state["stop"]:
        return "__end__"
    return "actor" if state["moves"][0]["move"] == "expand" else "critic"


def after_asking(state: RunState) -> Literal["tools", "strategy", "critic", "__end__"]:
    """From actor or critic: to the tools that were asked for, to the next critic, or back to the hub."""
    if state["stop"]:
        return "__end__"
    if state["pending"]:
        return "tools"
    return "critic" if state["reviewer"] else "strategy"


def after_tools(state: RunState) -> Literal["actor", "critic", "__end__"]:
    """Back to whoever asked."""
    return "__end__" if state["stop"] else state["caller"]
