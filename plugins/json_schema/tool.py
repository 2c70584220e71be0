"""Checks in a process of its own: the patterns and references of a schema can take forever."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from agentfix import Claim, Deadline, Evidence, EvidenceClass, Observation, ToolError, tool

from .reading import NotJsonError, read

MAX_CHARACTERS = 1_000_000


@tool(deterministic=True, processes=True)
def check_json(text: str, schema: dict[str, Any], *, deadline: Deadline) -> Observation:
    """Check whether a text is JSON and valid under a JSON schema. Tells the first error with the path to where it is.

    Args:
        text: The JSON text.
        schema: The JSON schema. Its draft is read from `$schema`; 2020-12 without one.
    """
    request = json.dumps({"text": text, "schema": schema})
    if len(request) > MAX_CHARACTERS:
        raise ToolError(f"Text and schema together have at most {MAX_CHARACTERS} characters.", status="refused")
    reply = _asked(request, deadline)
    if "fault" in reply:
        raise ToolError(reply["fault"])
    valid, path, error = reply["valid"], reply["path"], reply["error"]
    said = "Valid." if valid else f"Not valid: at {path}: {error}" if path else f"Not JSON: {error}."
    return Observation("check_json", "ok", said, {"valid": valid, "path": path, "error": error})


@check_json.verifier
def parses(claim: Claim) -> Evidence | None:
    """An answer whose block of JSON is none is refuted; that it is JSON supports nothing yet."""
    for number, block in enumerate(_blocks(claim.text[:MAX_CHARACTERS]), 1):
        try:
            read(block)
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


def _asked(request: str, timeout_s: float) -> dict[str, Any]:
    """What the worker says. Raises ToolError: it took too long, or died."""
    try:
        done = subprocess.run([sys.executable, "-P", "-m", f"{__package__}.worker"], input=request, encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout_s, check=True)
    except subprocess.TimeoutExpired:
        raise ToolError(f"Not checked within {timeout_s:g} s: a pattern or a reference in the schema takes too long.",
                        status="timeout") from None
    except subprocess.CalledProcessError:
        raise ToolError("The check took more memory than it may have.", status="refused") from None
    return json.loads(done.stdout)
