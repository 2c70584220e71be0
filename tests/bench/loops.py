"""The loop that benches measure, twice: as plugins of agentfix, and as a bare LangGraph graph of the same nodes.

The actor answers, the critic wants it once more (after a look by a tool, if there is one), so many rounds.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from agentfix import Critique, Expand, Observation, Review, Stop, ToolCall, ToolCalls, ToolSpec, hookimpl

QUESTION = "Say what a journal is good for."
ONCE_MORE = "Once more."


class Rounds:
    """Reviews each attempt and revises it, so many times."""

    name = "rounds"

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def decide(self, tree: Any, budget: Any, memory: Any, seed: int) -> list[Any]:
        if not tree.attempts:
            return [Expand()]
        last = tree.attempts[-1].id
        if not tree.reviewed(last):
            return [Review((last,), ("dislike",))]
        return [Stop("enough")] if last + 1 == self._rounds else [Expand(parent=last, guidance=ONCE_MORE)]


class Look:
    """A tool that says the same at once."""

    spec = ToolSpec("look", "Look.", {"type": "object"})

    async def run(self, arguments: Any, context: Any) -> Observation:
        return Observation("look", "ok", "Seen.")


class Dislike:
    """A critic that wants more.

    Args:
        looks: whether it asks the tool first.
    """

    name = "dislike"

    def __init__(self, *, looks: bool) -> None:
        self._looks = looks

    async def review(self, task: Any, attempts: Any, context: Any) -> Any:
        if self._looks and not context.asked:
            return ToolCalls((ToolCall("look", {"at": attempts[0].id}),))
        return [Critique(a.id, self.name, "revise", ONCE_MORE) for a in attempts]


class Parts:
    """Registers them.

    Args:
        looks: whether the critic asks the tool first.
    """

    def __init__(self, *, looks: bool) -> None:
        self._looks = looks

    @hookimpl
    def agentfix_register_tools(self, register: Any) -> None:
        if self._looks:
            register("look", lambda build: Look())

    @hookimpl
    def agentfix_register_critics(self, register: Any) -> None:
        register("dislike", lambda build: Dislike(looks=self._looks))

    @hookimpl
    def agentfix_register_strategies(self, register: Any) -> None:
        register("rounds", lambda build: Rounds(int(build.argument)))


class State(TypedDict):
    """What the bare loop carries: the last attempt, how many there were, and how many were looked at and reviewed."""

    messages: list[dict[str, str]]
    text: str
    attempts: int
    reviewed: int
    seen: int
    rounds: int


def first(rounds: int) -> State:
    """How a run of the bare loop begins."""
    return {"messages": [], "text": "", "attempts": 0, "reviewed": 0, "seen": 0, "rounds": rounds}


def bare(actor: Callable[[State], Any], saver: Any, *, looks: bool) -> Any:
    """The same nodes without agentfix, compiled with a saver of LangGraph's.

    Args:
        actor: gives the text of an attempt, or is async and does; the other nodes are as it is, so that none needs a
            thread.
        saver: keeps checkpoints.
        looks: whether the critic asks the tool first.
    """
    graph = StateGraph(State)

    async def answers(state: State) -> dict[str, Any]:
        return {"text": await actor(state), "attempts": state["attempts"] + 1}

    def answers_at_once(state: State) -> dict[str, Any]:
        return {"text": actor(state), "attempts": state["attempts"] + 1}

    is_async = inspect.iscoroutinefunction(actor)
    graph.add_node("actor", answers if is_async else answers_at_once)
    nodes = {"strategy": _strategy, "critic": _seeing if looks else _critic, **({"tools": _tools} if looks else {})}
    for name, node in nodes.items():
        graph.add_node(name, _awaited(node) if is_async else node)
    graph.add_edge(START, "strategy")
    graph.add_conditional_edges("strategy", _next, ["actor", "critic", END])
    graph.add_edge("actor", "strategy")
    if looks:
        graph.add_conditional_edges("critic", _after_critic, ["tools", "strategy"])
        graph.add_edge("tools", "critic")
    else:
        graph.add_edge("critic", "strategy")
    return graph.compile(checkpointer=saver)


def _awaited(node: Callable[[State], dict[str, Any]]) -> Any:
    async def run(state: State) -> dict[str, Any]:
        return node(state)

    return run


def _strategy(state: State) -> dict[str, Any]:
    return {}


def _critic(state: State) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": state["text"]},
                {"role": "user", "content": ONCE_MORE}]
    return {"messages": messages, "reviewed": state["attempts"]}


def _seeing(state: State) -> dict[str, Any]:
    return {} if state["seen"] < state["attempts"] else _critic(state)


def _tools(state: State) -> dict[str, Any]:
    return {"seen": state["attempts"]}


def _next(state: State) -> str:
    if state["reviewed"] < state["attempts"]:
        return "critic"
    return END if state["reviewed"] == state["rounds"] else "actor"


def _after_critic(state: State) -> str:
    return "strategy" if state["reviewed"] == state["attempts"] else "tools"
