"""A result as one plain JSON object: what `--json` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from agentfix.types import Attempt, Critique, Evidence, EvidenceClass, Result, Standing


def result_object(result: Result) -> dict[str, Any]:
    """Everything about a result, for programs. Evidence classes are written by label."""
    return {
        "run_id": result.run_id,
        "answer": result.answer,
        "supported_by": _label(result.supported_by),
        "abstained": result.abstained,
        "declined": result.declined,
        "stop_reason": result.stop_reason,
        "reason": result.reason,
        "kind": result.kind,
        "best": result.best,
        "continues": result.continues,
        "attempts": [
            _attempt(attempt, standing, [c for c in result.critiques if c.attempt == attempt.id])
            for attempt, standing in zip(result.attempts, result.standings, strict=True)
        ],
        "usage": asdict(result.usage),
        "seconds": result.seconds,
    }


def _attempt(attempt: Attempt, standing: Standing, critiques: list[Critique]) -> dict[str, Any]:
    return {
        **asdict(attempt),
        "critiques": [critique_object(critique) for critique in critiques],
        "standing": {"state": standing.state, "class": _label(standing.kind), "weight": standing.weight,
                     "reason": standing.reason},
    }


def critique_object(critique: Critique) -> dict[str, Any]:
    """What a critic said, for programs."""
    return {"critic": critique.critic, "verdict": critique.verdict, "feedback": critique.feedback,
            "evidence": [_evidence(item) for item in critique.evidence]}


def _evidence(item: Evidence) -> dict[str, Any]:
    return {"class": item.kind.label, "polarity": item.polarity, "summary": item.summary, "author": item.author,
            "origin": item.origin, "coverage": item.coverage, "weight": item.weight, "detail": item.detail}


def _label(kind: EvidenceClass | None) -> str | None:
    return None if kind is None else kind.label
