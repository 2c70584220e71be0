"""A run of the journal, told to people and to programs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import click

from agentfix.cli import words
from agentfix.cli.jsonout import critique_object, result_object
from agentfix.cli.plain import block
from agentfix.cli.visible import bounded, one_line, visible
from agentfix.journal import RunStory, RunSummary
from agentfix.protocols import JournalledCall
from agentfix.types import Attempt, Critique, Step

Say: TypeAlias = "Callable[[str], object]"
"""Shows a text."""
ARGUMENTS_CHARACTERS = 500
FAILURE_CHARACTERS = 500
_LINE_CHARACTERS = 80
_ABOUT_CHARACTERS = 60


def summary_lines(run: RunSummary, *about: str) -> tuple[str, str]:
    """A run in two lines that fit a terminal: its name, when it began, what came of it; then what was asked.

    Args:
        run: which.
        about: what stands before the question; the strategy unless told.
    """
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.begun))
    head = f"{one_line(run.id)}  {begun}  {state_of(run):24}  {words.count(run.calls, 'call'):>9}"
    told = "  ".join(map(one_line, about or (str(run.settings.get("strategy") or ""),)))
    return head, f"    {told[:_ABOUT_CHARACTERS]}  {one_line(run.question)}"[:_LINE_CHARACTERS].rstrip()


def summary_object(run: RunSummary) -> dict[str, Any]:
    """A run in a line, for programs."""
    result = run.result
    return {
        "id": run.id, "begun": run.begun, "last_active": run.last_active, "question": run.question,
        "model": run.settings.get("model"), "strategy": run.settings.get("strategy"), "calls": run.calls,
        "ended": result is not None, "state": state_of(run), "failure": run.failure, "continues": run.continues,
        "answer": result and result.answer,
        "supported_by": result and result.supported_by and result.supported_by.label,
    }


def story_object(story: RunStory, *, calls: bool) -> dict[str, Any]:
    """A whole run, for programs.

    Args:
        story: the run.
        calls: with what was asked in each call, and what came back.
    """
    result = story.summary.result
    return {
        **summary_object(story.summary),
        "settings": dict(story.summary.settings),
        "attempts": [{**asdict(attempt), "critiques": [critique_object(c) for c in _of(attempt, story.critiques)]}
                     for attempt in story.attempts],
        "steps": [_step_object(step, call, whole=calls) for step, call in enumerate(story.steps, 1)],
        "in_doubt": [_step_object(None, call, whole=True) for call in story.in_doubt],
        "result": None if result is None else result_object(result),
    }


def tell_heading(run: RunSummary, say: Say = click.echo) -> None:
    """Show which run it is, what came of it, and what was asked."""
    say(f"run {one_line(run.id)}: {state_of(run)}")
    if run.continues:
        say(f"goes on from run {one_line(run.continues)}")
    say(bounded(run.question, lines=10))


def tell(story: RunStory, *, calls: bool, say: Say = click.echo) -> None:
    """Show a run: what was asked, what was answered and what speaks for it, the calls, the result.

    Args:
        story: the run.
        calls: with what came of each call.
        say: shows a text of one line or several, made visible already.
    """
    run = story.summary
    tell_heading(run, say)
    say(", ".join(f"{name} {one_line(str(value))}" for name, value in run.settings.items()
                         if value not in (None, [], "")))
    for attempt in story.attempts:
        _tell_attempt(attempt, _of(attempt, story.critiques), say)
    say("")
    for line, call in zip(step_lines(story), story.steps, strict=True):
        say(line)
        if calls:
            block(_said(call), lines=40, say=say)
    for call in story.in_doubt:
        say(f"in doubt: {_title(call)} was begun with {_arguments(call)}, and nobody knows whether it happened")
    say("")
    _tell_end(run, say)


def step_lines(story: RunStory) -> list[str]:
    """The calls of a run that ended, a line for each."""
    return [f"step {step}: {_title(call)}" for step, call in enumerate(story.steps, 1)]


def _tell_attempt(attempt: Attempt, critiques: Sequence[Critique], say: Say) -> None:
    say(f"\n{words.heading(attempt)}: {words.answered(attempt)}")
    for step in attempt.steps:
        _tell_step(step, say)
    block(words.body(attempt), lines=60, say=say)
    if attempt.observation is not None:
        say(one_line(f"{attempt.observation.tool} says {attempt.observation.status}"))
        block(attempt.observation.text, say=say)
    for critique in critiques:
        if words.says_nothing(critique):
            continue
        say(words.verdict(critique))
        for item in words.shown_evidence(critique):
            say(f"    {words.evidence(item)}")
            block(words.detail(item), lines=6, say=say)


def _tell_step(step: Step, say: Say) -> None:
    block(step.text, say=say)
    if step.problem:
        say(one_line(step.problem))
    for call, seen in zip(step.calls, step.observations, strict=True):
        say(one_line(f"{call.tool} says {seen.status}"))
        block(seen.text, say=say)


def _tell_end(run: RunSummary, say: Say) -> None:
    if run.result is None:
        why = f" ({one_line(run.failure)[:FAILURE_CHARACTERS]})" if run.failure else ""
        say("It is under way in another process." if run.under_way
                   else f"It has not ended{why}. Go on with: agentfix resume {one_line(run.id)}")
        return
    say(f"stopped: {one_line(run.result.stop_reason)}")
    say(words.trust(run.result))
    say(visible(words.answer(run.result)))


def _of(attempt: Attempt, critiques: Sequence[Critique]) -> list[Critique]:
    return [critique for critique in critiques if critique.attempt == attempt.id]


def state_of(run: RunSummary) -> str:
    """What came of a run, in a few words."""
    if run.result is None:
        return "under way" if run.under_way else "failed" if run.failure else "cut off"
    by = run.result.supported_by
    return f"supported by {by.label}" if by else "not supported"


def _step_object(step: int | None, call: JournalledCall, *, whole: bool) -> dict[str, Any]:
    told = {"step": step, "place": call.place, "tool": call.request.get("tool"), "model": call.request.get("model")}
    return {**told, "request": call.request, "reply": call.reply} if whole else told


def _title(call: JournalledCall) -> str:
    sort = "tool" if "tool" in call.request else "model"
    return one_line(f"{sort} {call.request.get(sort)} ({call.place})")


def _arguments(call: JournalledCall) -> str:
    return one_line(json.dumps(call.request.get("arguments"), default=str))[:ARGUMENTS_CHARACTERS]


def _said(call: JournalledCall) -> str:
    reply = call.reply or {}
    if "observation" in reply:
        return str(reply["observation"].get("text", ""))
    return "\n---\n".join(str(completion.get("text", "")) for completion in reply.get("completions", ()))
