"""Answers that are checked: each is a run of the agent."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agentfix.agent import Agent
from agentfix.checks import checks_in
from agentfix.cli.jsonout import result_object
from agentfix.cli.words import trust
from agentfix.errors import InputError
from agentfix.server.asked import ChatRequest, Tuning
from agentfix.server.conversation import read_conversation
from agentfix.server.failures import wrong
from agentfix.server.forms import is_strict, schema_of
from agentfix.server.keys import Account
from agentfix.server.naming import Chosen
from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.server.story import Story
from agentfix.settings import Settings
from agentfix.types import Event, Result, Task, Usage

LIMITS = ("max_rounds", "max_model_calls", "max_tool_calls", "max_tokens", "max_cost", "max_seconds")
WITHOUT_EFFECT = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "tool_choice")
"""Fields of a request that say nothing to a run: its strategy samples, and its budget bounds it."""
JSON, SCHEMA = "json", "schema"
"""The kind of answers in JSON, and the critic of their form."""
_BEGINNING = frozenset({"run_started", "kind_chosen", "notice"})


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is to be given.

    Args:
        task: what is asked.
        strict: an answer that does not fit the task's schema is none.
        stops: texts before which the answer that is given ends. The one that is checked is whole.
    """

    task: Task
    strict: bool = False
    stops: tuple[str, ...] = ()


async def read_question(asked: ChatRequest) -> Question:
    """What is asked.

    Raises:
        Refusal: it can't be checked so.
    """
    if (asked.n or 1) > 1:
        raise wrong("n", "One checked answer is given for a request. Ask again, with another seed, for another.",
                    "unsupported_parameter")
    if asked.logprobs:
        raise wrong("logprobs", "A checked answer has no log-probabilities. Leave logprobs out.",
                    "unsupported_parameter")
    if asked.tool_choice not in (None, "auto", "none"):
        raise wrong("tool_choice", "A call is required, and there are no tools.")
    return Question(await _task(asked), is_strict(asked.response_format), asked.stops)


async def _task(asked: ChatRequest) -> Task:
    schema, tuning = await schema_of(asked.response_format), asked.agentfix
    if schema is not None and tuning.kind not in ("auto", JSON):
        raise wrong("agentfix.kind", f"An answer in JSON is of kind {JSON!r}. Leave the kind out.")
    said = read_conversation(asked.messages)
    try:
        checks = checks_in(tuning.checks, "agentfix.checks") if tuning.checks and tuning.checks.strip() else ()
    except InputError as error:
        raise wrong("agentfix.checks", str(error)) from error
    kind = tuning.kind if schema is None else JSON
    return Task(said.question, kind, checks, tuning.context, said.images, said.history, schema)


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


async def answer(agent: Agent, question: Question, run: str, changes: dict[str, Any], ignored: list[str],
                 account: Account) -> Pieces:
    """Have a task answered, and tell how.

    Args:
        agent: answers.
        question: what is asked.
        run: the run's name.
        changes: settings of this run that differ.
        ignored: fields of the request that have no effect, to be told.
        account: pays.
    """
    story, held = Story(), ""
    reasoning: list[str] = []
    running = agent.astream(question.task, run_id=run, **changes)
    async with aclosing(running), aclosing(_paid(running, account)) as events:
        async for event in events:
            held += story.told(event)
            if held and event.kind not in _BEGINNING:  # what fails at once is refused, not told in mid-stream
                reasoning.append(held)
                yield Piece(held, reasoning=True)
                held = ""
            if event.kind == "result":
                result: Result = event.data["result"]
                choice, cut_at = _choice(result, question, "".join(reasoning))
                if choice.content:
                    yield Piece(choice.content)
                yield Answer((choice,), result.usage, _extension(result, cut_at, ignored))


async def _paid(events: AsyncGenerator[Event], account: Account) -> AsyncGenerator[Event]:
    """The events, for which the account pays; for a call that is broken off, about what was written."""
    unpaid = 0
    try:
        async for event in events:
            unpaid += event.kind == "delta"
            if event.kind == "model_call":
                unpaid = 0
                usage: Usage = event.data["usage"]
                account.spend(usage)
            yield event
    finally:
        if unpaid:
            account.spend(Usage(completion_tokens=unpaid))


def _choice(result: Result, question: Question, reasoning: str) -> tuple[Choice, str | None]:
    """What is given, and the text that cut it off, if one did."""
    if result.answer is None or result.declined:
        return Choice(None, reasoning, trust(result)), None
    if question.strict and (misfit := _misfit(result, result.answer)):
        return Choice(None, reasoning, f"No answer fits the schema: {misfit}."), None
    found = [(at, stop) for stop in question.stops if (at := result.answer.find(stop)) >= 0]
    if not found:
        return Choice(result.answer, reasoning), None
    at, stop = min(found)
    return Choice(result.answer[:at], reasoning), stop


def _misfit(result: Result, answer: str) -> str:
    """Why an answer does not fit its schema, as far as that was seen; empty where it does."""
    try:
        json.loads(answer)
    except (ValueError, RecursionError):
        return "it is no JSON"
    return next((item.summary for critique in result.critiques if critique.attempt == result.best
                 and critique.critic == SCHEMA for item in critique.evidence if item.polarity == "refutes"), "")


def _extension(result: Result, cut_at: str | None, ignored: list[str]) -> dict[str, Any]:
    return {"direct": False, "supported": not result.abstained, **result_object(result), "cut_at": cut_at,
            "ignored": ignored}


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
