"""Answers that are checked: each is a run of the agent."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agentfix.agent import Agent
from agentfix.checks import checks_in
from agentfix.cli.jsonout import result_object
from agentfix.cli.words import trust
from agentfix.endpoints import Price
from agentfix.errors import AgentFixError, InputError
from agentfix.schemas import checked
from agentfix.server.account import Account, Hold
from agentfix.server.allowed import guessed, price_of, usage_of
from agentfix.server.asked import ChatRequest, Tuning
from agentfix.server.conversation import read_conversation
from agentfix.server.failures import wrong
from agentfix.server.forms import is_strict, schema_of
from agentfix.server.naming import Chosen
from agentfix.server.pieces import Answer, Choice, Piece, Pieces
from agentfix.server.replies import unfit
from agentfix.server.story import Story
from agentfix.settings import Settings
from agentfix.threads import in_thread
from agentfix.types import Check, Event, Result, Task

LIMITS = ("max_rounds", "max_model_calls", "max_tool_calls", "max_tokens", "max_cost", "max_seconds")
WITHOUT_EFFECT = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "tool_choice")
"""Fields of a request that say nothing to a run: its strategy samples, and its budget bounds it."""
BUDGETS = ("max_tokens", "max_cost")
JSON = "json"
"""The kind of answers in JSON."""
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
    said = await in_thread(read_conversation, asked.messages)
    checks: tuple[Check, ...] = ()
    try:
        if tuning.checks and tuning.checks.strip():
            checks = await in_thread(checks_in, tuning.checks, "agentfix.checks")
    except InputError as error:
        raise wrong("agentfix.checks", str(error)) from error
    kind = tuning.kind if schema is None else JSON
    return Task(said.question, kind, checks, tuning.context, said.images, said.history, schema)


def read_changes(asked: ChatRequest, chosen: Chosen, settings: Settings) -> dict[str, Any]:
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
    limits = [changes.get(name, getattr(agent.settings, name)) for name in BUDGETS]
    with account.holding(*(math.inf if limit is None else limit for limit in limits), share=True) as hold:
        changes |= {name: most for name, most in zip(BUDGETS, (hold.tokens, hold.cost), strict=True) if most < math.inf}
        price = price_of(changes["model"], agent.model(changes["model"]))
        running = agent.astream(question.task, run_id=run, **changes)
        paying = _Paying(account, hold, question.task, price)
        async with aclosing(running), aclosing(paying.of(running)) as events:
            async for event in events:
                held += story.told(event)
                if held and event.kind not in _BEGINNING:  # what fails at once is refused, not told in mid-stream
                    reasoning.append(held)
                    yield Piece(held, reasoning=True)
                    held = ""
                if event.kind == "result":
                    result: Result = event.data["result"]
                    choice, cut_at = await _choice(result, question, "".join(reasoning))
                    if choice.content:
                        yield Piece(choice.content)
                    yield Answer((choice,), result.usage, _extension(result, cut_at, ignored))


@dataclass(frozen=True)
class _Paying:
    """Has an account pay for what a run takes; for a call that is broken off, about what was read and written."""

    account: Account
    hold: Hold
    task: Task
    price: Price | None

    async def of(self, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The events of the run."""
        unpaid, left_early = 0, True
        try:
            async for event in events:
                unpaid += event.kind == "delta"
                if event.kind == "model_call":
                    unpaid = 0
                    await self.account.pay(event.data["usage"], self.hold)
                left_early = left_early and event.kind != "result"
                yield event
            left_early = False
        except AgentFixError:
            left_early = False
            raise
        finally:
            if unpaid or left_early:
                await self.account.pay(usage_of(self._prompt(), unpaid, self.price), self.hold)

    def _prompt(self) -> int:
        task = self.task
        texts = [task.question, task.context, *(text for turn in task.history for text in (turn.question, turn.answer))]
        return guessed(texts, len(task.images))


async def _choice(result: Result, question: Question, reasoning: str) -> tuple[Choice, str | None]:
    """What is given, and the text that cut it off, if one did."""
    if result.answer is None or result.declined:
        return Choice(None, reasoning, trust(result)), None
    if question.strict and question.task.schema is not None:
        seen = await checked(result.answer, question.task.schema, formats=True)
        if not seen.fits:
            return Choice(None, reasoning, unfit(seen)), None
    found = [(at, stop) for stop in question.stops if (at := result.answer.find(stop)) >= 0]
    if not found:
        return Choice(result.answer, reasoning), None
    at, stop = min(found)
    return Choice(result.answer[:at], reasoning), stop


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
