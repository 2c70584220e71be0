"""One run as data: its attempts as a tree, its steps, its changes of mind; and any one of them whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.cli import words
from agentfix.cli.story import state_of
from agentfix.cli.tree import Row, answered, rows_of, tree_of
from agentfix.journal import RunStory, RunSummary
from agentfix.types import Attempt, Critique, Evidence, Observation, Standing, Tree, Usage
from agentfix.view.difference import difference
from agentfix.view.plain import line, plain
from agentfix.view.steps import Step, asked, said, steps_of
from agentfix.why import Change, changes

QUESTION_CHARACTERS = 300
COUNTED = ("prompt_tokens", "cached_prompt_tokens", "completion_tokens", "model_calls", "tool_calls", "cost")


@dataclass(frozen=True, slots=True)
class Trace:
    """A run with all that is reckoned of it once."""

    story: RunStory
    tree: Tree
    steps: Sequence[Step]

    def attempt(self, number: int) -> Attempt:
        """Raises IndexError when there is none."""
        if number < 0:
            raise IndexError(number)
        return self.tree.attempts[number]


def trace_of(story: RunStory) -> Trace:
    """What is shown of a run."""
    tree = tree_of(story)
    critics = {critique.critic for critique in tree.critiques}
    return Trace(story, tree, steps_of(story.steps, critics, story.summary.begun))


def summary_data(run: RunSummary) -> dict[str, Any]:
    """A run in a line of the list."""
    result = run.result
    return plain({
        "id": run.id, "begun": run.begun, "question": line(run.question, QUESTION_CHARACTERS), "state": state_of(run),
        "under_way": run.under_way, "continues": run.continues,
        "kind": result.kind if result else run.settings.get("kind", ""),
        "strategy": run.settings.get("strategy", ""), "model": run.settings.get("model", ""), "calls": run.calls,
        "class": result and result.supported_by and result.supported_by.label,
        "answer": None if result is None else line(words.answer(result)),
        "attempts": None if result is None else len(result.attempts), "seconds": result and result.seconds,
        "usage": result and _usage(result.usage),
    })


def run_data(trace: Trace) -> dict[str, Any]:
    """A run as a whole; of its attempts and steps what fits a line."""
    run, tree = trace.story.summary, trace.tree
    result = run.result
    spent = _spent(trace.steps, len(tree.attempts))
    told = changes(tree.attempts, tree.critiques, result.rounds if result else trace.story.rounds, tree.best,
                   tree.groups, unopposed=0 if run.continues else None)
    return plain({
        **summary_data(run), "question": run.question, "failure": run.failure,
        "settings": {name: value for name, value in run.settings.items() if value not in (None, [], "")},
        "whole_answer": None if result is None else words.answer(result),
        "trust": None if result is None else words.trust(result),
        "stopped": None if result is None else result.stop_reason, "best": tree.best,
        "attempts": [_row(row, spent[row.attempt.id]) for row in rows_of(tree)],
        "steps": [_step(step) for step in trace.steps],
        "in_doubt": [f"{call.request.get('tool')} ({call.place})" for call in trace.story.in_doubt],
        "changes": [_change(change) for change in told],
    })


def attempt_data(trace: Trace, number: int) -> dict[str, Any]:
    """An attempt, whole. Raises IndexError when there is none."""
    attempt = trace.attempt(number)
    parent = None if attempt.parent is None else trace.attempt(attempt.parent)
    return plain({
        "id": attempt.id, "heading": words.heading(attempt), "parent": attempt.parent, "role": attempt.role,
        "author": attempt.author, "temperature": attempt.temperature, "finish_reason": attempt.finish_reason,
        "told": attempt.told, "standing": _standing(trace.tree.standings[number]), "best": trace.tree.best == number,
        "answer": attempt.answer, "answers_with_program": attempt.answer is not None
        and attempt.answer == attempt.program, "program": attempt.program, "text": attempt.text,
        "observation": attempt.observation and _observation(attempt.observation),
        "acts": [{"text": step.text, "problem": step.problem, "calls": [
            {"call": words.called(call, attempt.role), "program": words.program_of(call), **_observation(seen)}
            for call, seen in zip(step.calls, step.observations, strict=True)]} for step in attempt.steps],
        "critiques": [_critique(each) for each in trace.tree.critiques_of(number) if not words.says_nothing(each)],
        "diff": None if parent is None else difference(parent, attempt),
        "steps": [step.number for step in trace.steps if step.attempt is not None
                  and step.attempt <= number < step.attempt + max(1, step.made)],
    })


def step_data(trace: Trace, number: int) -> dict[str, Any]:
    """A step, whole. Raises IndexError when there is none."""
    if number < 1:
        raise IndexError(number)
    step = trace.steps[number - 1]
    return plain({**_step(step), "asked": asked(step.call), "said": said(step.call)})


def _row(row: Row, spent: dict[str, Any]) -> dict[str, Any]:
    attempt = row.attempt
    return {
        "id": attempt.id, "parent": attempt.parent, "depth": row.depth, "role": attempt.role,
        "label": answered(attempt), **_standing(row.standing), "worth": row.worth, "value": row.line.value,
        "visits": row.line.visits, "best": row.best, **spent,
    }


def _spent(steps: Sequence[Step], count: int) -> list[dict[str, Any]]:
    """For each attempt when it was written and what it cost to write; those of one call share its price."""
    spent: list[dict[str, Any]] = [{"at": None, "seconds": 0.0, "tokens": 0, "cost": 0.0} for _ in range(count)]
    for step in steps:
        if step.who != "actor" or step.attempt is None:
            continue
        shared = range(step.attempt, min(step.attempt + max(1, step.made), count))
        for number in shared:
            one = spent[number]
            one["at"] = step.at + step.seconds
            one["seconds"] += step.seconds / len(shared)
            one["tokens"] += (step.prompt - step.cached + step.written) / len(shared)
            one["cost"] = None if step.cost is None or one["cost"] is None else one["cost"] + step.cost / len(shared)
    return spent


def _step(step: Step) -> dict[str, Any]:
    return {
        "n": step.number, "place": step.call.place, "sort": step.sort, "name": step.name, "who": step.who,
        "attempt": step.attempt, "at": step.at, "seconds": step.seconds, "taken": step.taken, "status": step.status,
        "prompt": step.prompt, "cached": step.cached, "written": step.written, "cost": step.cost,
        "line": line(said(step.call), 80),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in COUNTED}


def _change(change: Change) -> dict[str, Any]:
    return {"attempts": change.attempts, "before": change.before, "after": change.after, "reason": change.reason,
            "causes": [{"attempt": cause.attempt, "critic": cause.critic, **_evidence(cause.evidence)}
                       for cause in change.causes]}


def _critique(critique: Critique) -> dict[str, Any]:
    return {"critic": critique.critic, "verdict": critique.verdict, "feedback": critique.feedback,
            "score": critique.score, "step": critique.step,
            "evidence": [_evidence(item) for item in critique.evidence]}


def _evidence(item: Evidence) -> dict[str, Any]:
    return {"class": item.kind.label, "polarity": item.polarity, "coverage": item.coverage, "summary": item.summary,
            "author": item.author, "origin": item.origin, "weight": item.weight,
            "detail": "" if item.detail.strip() == item.summary.strip() else item.detail}


def _standing(standing: Standing) -> dict[str, Any]:
    return {"state": standing.state, "class": standing.kind.label if standing.kind else None,
            "judged": words.judged(standing), "weight": standing.weight, "reason": line(standing.reason)}


def _observation(seen: Observation) -> dict[str, Any]:
    return {"tool": seen.tool, "status": seen.status, "said": seen.text}
