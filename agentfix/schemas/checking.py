"""Whether a text is JSON that fits a schema. A schema's patterns and references can take forever, so where it has such
a check is made in a process that is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentfix.schemas.walking import WrongSchemaError, require_schema, work_of
from agentfix.threads import in_thread

LONGEST = 1_000_000
"""Characters of a text and its schema that are looked at."""
TIMEOUT_S = 5.0
MOST_WORK_HERE, MOST_WORK = 20_000, 1_000_000
"""Schemas times characters: up to the first, it is a matter of milliseconds; beyond the second, of a process."""
LONGEST_SCHEMA_HERE = 4_000
"""Characters: a longer one takes a while itself."""
_PLACES = threading.BoundedSemaphore(os.cpu_count() or 1)
"""For processes: more of them at once would only be later."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen of a text.

    Args:
        error: what is wrong with it, or why it was not checked; empty where it fits.
        path: to where it is wrong, as a JSON path; empty where it is no JSON.
        why: it was not checked; empty where it was.
    """

    error: str = ""
    path: str = ""
    why: Literal["", "error", "refused", "timeout"] = ""

    @property
    def fits(self) -> bool:
        """Whether it is JSON that fits."""
        return not self.error

    def __str__(self) -> str:
        return f"at {self.path}: {self.error}" if self.path else self.error


async def checked(text: str, schema: Mapping[str, Any], *, formats: bool = False, timeout_s: float = TIMEOUT_S
                  ) -> Checked:
    """Check a text, where the event loop is not held: here if that is quick, else in a thread or a process.

    Args:
        text: that is to be JSON.
        schema: that it is to fit.
        formats: also hold texts to `format`.
        timeout_s: how long it may take.
    """
    if len(text) <= MOST_WORK_HERE and len(str(schema)) <= LONGEST_SCHEMA_HERE:
        work = _work(schema, formats)
        if isinstance(work, Checked):
            return work
        if work * max(1, len(text)) <= MOST_WORK_HERE:
            return _held(text, schema, formats)
    return await in_thread(check_text, text, schema, formats=formats, timeout_s=timeout_s)


def check_text(text: str, schema: Mapping[str, Any], *, formats: bool = False, timeout_s: float = TIMEOUT_S) -> Checked:
    """Check a text; see `checked`. Returns within the time."""
    try:
        request = json.dumps({"text": text, "schema": schema, "formats": formats})
    except (TypeError, ValueError, RecursionError) as error:
        return Checked(f"The schema is no JSON: {str(error)[:200]}.", why="error")
    if len(request) > LONGEST:
        return Checked(f"Text and schema together have at most {LONGEST} characters.", why="refused")
    work = _work(schema, formats)
    if isinstance(work, Checked):
        return work
    return _held(text, schema, formats) if work * len(text) <= MOST_WORK else _asked(request, timeout_s)


def _work(schema: Mapping[str, Any], formats: bool) -> float | Checked:
    try:
        require_schema(schema)
        return work_of(schema, formats=formats)
    except WrongSchemaError as error:
        return Checked(f"The schema {error}.", why="error")


def _held(text: str, schema: Mapping[str, Any], formats: bool) -> Checked:
    from agentfix.schemas.worker import held  # noqa: PLC0415 - which is a program too

    return _read(held(text, dict(schema), formats=formats))


def _asked(request: str, timeout_s: float) -> Checked:
    """What the worker says."""
    ends = time.monotonic() + timeout_s
    late = Checked(f"Not checked within {timeout_s:g} s: a pattern or a reference in the schema takes too long.",
                   why="timeout")
    if not _PLACES.acquire(timeout=timeout_s):
        return late
    try:
        done = subprocess.run([sys.executable, "-P", "-m", "agentfix.schemas.worker"], input=request, encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                              timeout=max(0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        return late
    except subprocess.CalledProcessError:
        return Checked("The check took more memory than it may have.", why="refused")
    finally:
        _PLACES.release()
    return _read(json.loads(done.stdout))


def _read(reply: Mapping[str, str]) -> Checked:
    return Checked(reply["fault"], why="error") if "fault" in reply else Checked(reply["error"], reply["path"])
