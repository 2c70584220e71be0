"""Critic `schema`: has the tool `check_json` see whether an answer is JSON that fits the task's schema.

A misfit is a `measurement` that refutes, and so is that nobody can tell. A fit supports nothing: it does not make an
answer right.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentfix import Attempt, CriticContext, Critique, Evidence, EvidenceClass, Observation, Task, ToolCall, ToolCalls

TOOL = "check_json"


class SchemaCritic:
    """See the module."""

    name = "schema"

    async def review(self, task: Task, attempts: Sequence[Attempt],
                     context: CriticContext) -> ToolCalls | list[Critique]:
        if task.schema is None:
            return [Critique(attempt.id, self.name, "abstain") for attempt in attempts]
        texts = list(dict.fromkeys(attempt.answer or "" for attempt in attempts))
        seen = {asked.call.arguments["text"]: asked.observation for asked in context.asked}
        if missing := [text for text in texts if text not in seen]:
            return ToolCalls(tuple(ToolCall(TOOL, {"text": text, "schema": dict(task.schema)}) for text in missing))
        return [self._judged(attempt, seen[attempt.answer or ""]) for attempt in attempts]

    def _judged(self, attempt: Attempt, seen: Observation) -> Critique:
        if seen.ok and seen.data.get("valid") is True:
            return Critique(attempt.id, self.name, "abstain")
        what = "it does not fit the schema" if seen.ok else "that it fits the schema can't be shown"
        evidence = Evidence(EvidenceClass.MEASUREMENT, "refutes", f"{what}: {seen.text}", TOOL, "instrument",
                            "necessary")
        return Critique(attempt.id, self.name, "revise", f"{what.capitalize()}. {seen.text}", (evidence,))
