"""The sentences in which a run is told, the same on a terminal and in plain lines. No model or tool text in them but
made visible."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix.cli.visible import one_line
from agentfix.evidence import PERSON
from agentfix.types import Attempt, Critique, Evidence, Reflection, Result, Standing, ToolCall

NO_ANSWER = "(no answer)"


def answer(result: Result) -> str:
    """The answer, to be made visible; that there is none where the run declined to give it."""
    return NO_ANSWER if result.answer is None or result.declined else result.answer


def trust(result: Result) -> str:
    """Why the answer can be trusted, or that it can't."""
    if result.answer is None:
        said = "No answer was found"
    elif result.declined:
        return f"Declined to answer: {one_line(result.stop_reason)}"
    elif result.supported_by is None:
        said = "Nothing supports this answer"
    elif result.abstained:
        said = f"Supported by {result.supported_by.label} only, which is less than was required"
    else:
        said = f"Supported by {result.supported_by.label}"
    return f"{said}: {one_line(result.reason)}"


def cost(result: Result, *, rounds: int) -> str:
    """What the run took, and why it ended."""
    usage = result.usage
    parts = [
        f"{usage.prompt_tokens - usage.cached_prompt_tokens:,} tokens read",
        f"{usage.cached_prompt_tokens:,} cached",
        f"{usage.completion_tokens:,} written",
        f"{result.seconds:.1f} s",
        count(rounds, "round"),
        count(usage.tool_calls, "tool call"),
    ]
    if usage.cost is None:
        parts.append("cost unknown")
    elif usage.cost:
        parts.append(f"cost {usage.cost:.4f}")
    if usage.estimated:
        parts.append("some tokens estimated")
    spent = ", ".join(parts)
    return f"{spent}; stopped: {one_line(result.stop_reason)}"


def count(number: int, noun: str) -> str:
    """`1 round`, `2 rounds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def kind(name: str, reason: str, way: str) -> str:
    """Which kind was found out, why, and by which option or command another is chosen."""
    return one_line(f"kind {name}: {reason}; use {way} to change it")


def heading(attempt: Attempt) -> str:
    """What an attempt is."""
    title = f"attempt {attempt.id}"
    if attempt.parent is not None:
        title += f", revises attempt {attempt.parent}"
    if attempt.role != "actor":
        title += f" ({one_line(attempt.role)})"
    return title + (", cut off" if attempt.finish_reason == "length" else "")


def answered(attempt: Attempt) -> str:
    """What an attempt answers, in one line."""
    if attempt.unfinished:
        return "begins so"
    if attempt.answer is None:
        return "no answer"
    if attempt.answer == attempt.program:
        return "answers with this program"
    line = one_line(attempt.answer)
    return f"answers {line[:200]}{'...' if len(line) > 200 else ''}"


def reflected(reflection: Reflection) -> str:
    """What was written down for later attempts."""
    return one_line(f"{reflection.name}: {reflection.text}")


def body(attempt: Attempt) -> str:
    """What an attempt holds beside its answer; nothing for one that acted, whose calls are told one by one."""
    return "" if attempt.steps else attempt.program or attempt.text


def planned(plan: Sequence[str]) -> str:
    """What an actor says it will do."""
    return one_line("plan: " + "; ".join(plan))


def judged(standing: Standing) -> str:
    """What the evidence amounts to: `refuted by measurement`."""
    return f"{standing.state} by {standing.kind.label}" if standing.kind else standing.state


def verdict(critique: Critique) -> str:
    """What a critic says."""
    feedback = one_line(critique.feedback)
    said = f"{one_line(critique.critic)} on attempt {critique.attempt}: {critique.verdict}"
    if critique.score is not None:
        said += f", right with {critique.score:.0%}"
    if critique.step is not None:
        said += f", wrong at step {critique.step + 1}"
    return f"{said}. {feedback}" if feedback else said


def says_nothing(critique: Critique) -> bool:
    """A critic that found nothing to say of an attempt: people need not read that."""
    return critique.verdict == "abstain" and not (critique.feedback or critique.evidence) \
        and critique.score is None and critique.step is None


def evidence(item: Evidence) -> str:
    """One piece of evidence: `refutes by measurement (necessary): NameError on line 3`."""
    coverage = "" if item.coverage == "whole" else f" ({item.coverage})"
    return f"{item.polarity} by {item.kind.label}{coverage}: {one_line(item.summary)}"


def detail(item: Evidence) -> str:
    """What was observed, when the summary does not say it all."""
    known = one_line(item.detail) in one_line(item.summary) if item.origin == "person" else \
        item.detail.strip() == item.summary.strip()
    return "" if known else item.detail


def shown_evidence(critique: Critique) -> Sequence[Evidence]:
    """The evidence of a critique, without what its verdict says already: a person's objection is its own evidence."""
    return [item for item in critique.evidence
            if not (critique.critic == PERSON and item.polarity == "refutes" and critique.feedback.strip())]


def objects_again(critique: Critique, standing: Standing) -> str:
    """In a line: the objection that was told of an answer is one to this attempt too, which gives it again."""
    return f"{one_line(critique.critic)} on attempt {critique.attempt}: the same objection; it is {judged(standing)}"


def program_of(call: ToolCall) -> str | None:
    """The program that a tool call runs, when it runs one."""
    source = call.arguments.get("code")
    return source if isinstance(source, str) else None


def called(call: ToolCall, caller: str) -> str:
    """Who calls which tool; with its arguments, unless they are a program."""
    shown = "" if program_of(call) is not None else ", ".join(f"{k}={v!r}" for k, v in call.arguments.items())
    line = one_line(f"{caller} calls {call.tool}({shown})")
    return line[:300] + ("..." if len(line) > 300 else "")
