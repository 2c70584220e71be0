"""Answers that are checked: each is a run of the agent."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from agentfix.agent import Agent
from agentfix.checks import checks_in
from agentfix.cli.jsonout import result_object
from agentfix.cli.words import trust
from agentfix.errors import InputError
from agentfix.server.asked import ChatRequest, Tuning
from agentfix.server.conversation import read_conversation
from agentfix.server.failures import wrong
from agentfix.server.keys import Account
from agentfix.server.naming import Chosen
from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.server.story import Story
from agentfix.settings import Settings
from agentfix.types import Result, Task, Usage

LIMITS = ("max_rounds", "max_model_calls", "max_tool_calls", "max_tokens", "max_cost", "max_seconds")
WITHOUT_EFFECT = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "tool_choice")
"""Fields of a request that say nothing to a run: its strategy samples, and its budget bounds it."""
_BEGINNING = frozenset({"run_started", "kind_chosen", "notice"})


def read_task(asked: ChatRequest) -> Task:
    """What is asked, as a task.

    Raises:
        Refusal: it can't be checked so.
    """
    if (asked.n or 1) > 1:
        raise wrong("n", "One checked answer is given for a request.", "unsupported_parameter")
    for name in ("stop", "logprobs"):
        if getattr(asked, name):
            raise wrong(name, f"A checked answer can't be had with `{name}`. Leave it out.", "unsupported_parameter")
    if asked.tool_choice not in (None, "auto", "none"):
        raise wrong("tool_choice", "A call is required, and there are no tools.")
    if asked.response_format is not None and asked.response_format.type != "text":
        raise wrong("response_format", "A checked answer can't be held to JSON yet. Leave response_format out, or send "
                    "`tools`: then the model is asked directly.", "unsupported_parameter")
    said, tuning = read_conversation(asked.messages), asked.agentfix
    try:
        checks = checks_in(tuning.checks, "agentfix.checks") if tuning.checks and tuning.checks.strip() else ()
    except InputError as error:
        raise wrong("agentfix.checks", str(error)) from error
    return Task(said.question, tuning.kind, checks, tuning.context, said.images, said.history)


def read_changes(asked: ChatRequest, chosen: Chosen, settings: Settings, account: Account) -> dict[str, Any]:
    """How the settings of this run differ from the server's.

    Raises:
        Refusal: a limit is above the server's own.
    """
    changes: dict[str, Any] = {"model": chosen.model, **_limits(asked.agentfix, settings)}
    if chosen.strategy is not None:
        changes["strategy"] = chosen.strategy
    if asked.seed is not None:
        changes["seed"] = asked.seed
    if asked.agentfix.require is not None:
        changes["require"] = asked.agentfix.require
    for name, left in zip(("max_tokens", "max_cost"), account.left(), strict=True):
        if left is not None:
            most = changes.get(name, getattr(settings, name))
            changes[name] = left if most is None else min(most, left)
    return changes


async def answer(agent: Agent, task: Task, run: str, changes: dict[str, Any], ignored: list[str],
                 account: Account) -> Pieces:
    """Have a task answered, and tell how.

    Args:
        agent: answers.
        task: what is asked.
        run: the run's name.
        changes: settings of this run that differ.
        ignored: fields of the request that have no effect, to be told.
        account: pays.
    """
    story, held = Story(), ""
    reasoning: list[str] = []
    async with aclosing(agent.astream(task, run_id=run, **changes)) as events:
        async for event in events:
            if event.kind == "model_call":
                usage: Usage = event.data["usage"]
                account.spend(usage)
            held += story.told(event)
            if held and event.kind not in _BEGINNING:  # what fails at once is refused, not told in mid-stream
                reasoning.append(held)
                yield Piece(held, reasoning=True)
                held = ""
            if event.kind == "result":
                result: Result = event.data["result"]
                choice = _choice(result, "".join(reasoning))
                if choice.content:
                    yield Piece(choice.content)
                yield Answer((choice,), result.usage, _extension(result, ignored))


def _choice(result: Result, reasoning: str) -> Choice:
    if result.answer is None or result.declined:
        return Choice(None, reasoning, trust(result))
    return Choice(result.answer, reasoning)


def _extension(result: Result, ignored: list[str]) -> dict[str, Any]:
    return {"direct": False, "supported": not result.abstained, **result_object(result), "ignored": ignored}


def _limits(tuning: Tuning, settings: Settings) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for name in LIMITS:
        wanted, most = getattr(tuning, name), getattr(settings, name)
        if wanted is None:
            continue
        if most is not None and wanted > most:
            raise wrong(f"agentfix.{name}", f"This server allows {name} up to {most:g}.")
        limits[name] = wanted
    return limits
