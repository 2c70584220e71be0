"""Where the graph goes next: pure functions of the state."""

from __future__ import annotations

from typing import Literal

from agentfix.graph.state import RunState


def after_strategy(state: RunState) -> Literal["actor", "critic", "finish"]:
    """To whoever makes the first move, or to the end of the run."""
    if state["stop"]:
        return "finish"
    return "actor" if state["moves"][0]["move"] == "expand" else "critic"


def after_asking(state: RunState) -> Literal["tools", "strategy", "critic", "finish"]:
    """From actor or critic: to the tools that were asked for, to the next critic, or back to the hub."""
    if state["stop"]:
        return "finish"
    if state["pending"]:
        return "tools"
    return "critic" if state["reviewer"] else "strategy"


def after_tools(state: RunState) -> Literal["actor", "critic", "finish"]:
    """Back to whoever asked."""
    return "finish" if state["stop"] else state["caller"]
