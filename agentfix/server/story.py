"""What happens in a run, as the reasoning before an answer."""

from __future__ import annotations

from agentfix.cli import words
from agentfix.cli.visible import bounded, one_line
from agentfix.types import Attempt, Critique, Delta, Event, Observation, Result, Standing


class Story:
    """Tells a run piece by piece. Of attempts that are written at once, the first is told as it is written."""

    def __init__(self) -> None:
        self._writing: int | None = None
        self._written: set[int] = set()
        """Attempts whose text was told as it was written."""

    def told(self, event: Event) -> str:
        """What is told of an event; empty for nothing."""
        if event.kind == "delta":
            return self._delta(event.data["delta"], int(event.data["attempt"]))
        if event.kind == "attempt":
            return self._attempt(event.data["attempt"])
        said = _said(event)
        if said and self._writing is not None:
            self._writing, said = None, f"\n{said}"
        return said

    def _delta(self, delta: Delta, attempt: int) -> str:
        if self._writing is None:
            self._writing = attempt
            self._written.add(attempt)
            return f"attempt {attempt}:\n{delta.text}"
        if self._writing != attempt:
            return ""
        return "\n(anew)\n" if delta.restart else delta.text

    def _attempt(self, attempt: Attempt) -> str:
        heading = f"{words.heading(attempt)}: {words.answered(attempt)}\n"
        if self._writing == attempt.id:
            heading = f"\n{heading}"
        self._writing = None
        body = "" if attempt.id in self._written else words.body(attempt)
        return f"{heading}{bounded(body, lines=60)}\n" if body else heading


def _critique(critique: Critique, standing: Standing) -> str:
    if words.says_nothing(critique):
        return ""
    evidence = [f"    {words.evidence(item)}" for item in critique.evidence]
    lines = [words.verdict(critique), *evidence, f"    attempt {critique.attempt} is {words.judged(standing)}"]
    return "\n".join(lines) + "\n"


def _said(event: Event) -> str:
    match event.kind:
        case "critique":
            return _critique(event.data["critique"], event.data["standing"])
        case "plan":
            return f"{words.planned(event.data['plan'])}\n"
        case "reflection":
            return f"{words.reflected(event.data['reflection'])}\n"
        case "tool_call":
            return f"{words.called(event.data['call'], event.data['caller'])}\n"
        case "observation":
            seen: Observation = event.data["observation"]
            return f"{one_line(f'{seen.tool} says {seen.status}')}\n{bounded(seen.text)}\n"
        case "notice":
            return f"note: {one_line(event.data['message'])}\n"
        case "result":
            result: Result = event.data["result"]
            return f"{words.trust(result)}\n"
        case _:
            return ""
