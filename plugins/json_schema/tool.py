"""Checks JSON texts, and answers that hold some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentfix import (
    Claim,
    Deadline,
    Evidence,
    EvidenceClass,
    NotJsonError,
    Observation,
    ToolError,
    check_text,
    read_json,
    tool,
)

MAX_CHARACTERS = 1_000_000


@tool(deterministic=True, processes=True)
def check_json(text: str, schema: dict[str, Any], *, deadline: Deadline) -> Observation:
    """Check whether a text is JSON and valid under a JSON schema. Tells the first error with the path to where it is.

    Args:
        text: The JSON text.
        schema: The JSON schema. Its draft is read from `$schema`; 2020-12 without one.
    """
    seen = check_text(text, schema, formats=True, timeout_s=deadline)
    if seen.why:
        raise ToolError(seen.error, status=seen.why)
    said = "Valid." if seen.fits else f"Not valid: {seen}" if seen.path else f"Not JSON: {seen}."
    return Observation("check_json", "ok", said, {"valid": seen.fits, "path": seen.path, "error": seen.error})


@check_json.verifier
def parses(claim: Claim) -> Evidence | None:
    """An answer whose block of JSON is none is refuted; that it is JSON supports nothing yet."""
    for number, block in enumerate(_blocks(claim.text[:MAX_CHARACTERS]), 1):
        try:
            read_json(block)
        except NotJsonError as error:
            return Evidence(EvidenceClass.MEASUREMENT, "refutes", f"JSON block {number} is not JSON: {error}",
                            "check_json", "instrument", "necessary", detail=block[:2000])
    return None


def _blocks(text: str) -> Iterator[str]:
    """What stands in fences that say they hold JSON. A fence that is never closed holds nothing."""
    held: list[str] | None = None
    for line in text.split("\n"):
        mark = line.rstrip(" \t")
        if held is None:
            held = [] if mark == "```json" else None
        elif mark == "```":
            yield "\n".join(held)
            held = None
        else:
            held.append(line)
