"""Reads what `agentfix eval --output` wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentfix import InputError


class Run(BaseModel):
    """One run of an evaluation."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    strategy: str
    ran: str
    """The strategy with the argument that it was run with."""
    repeat: int = 0
    correct: bool
    confidence: float | None = None
    prompt_tokens: int = Field(0, ge=0)
    cached_prompt_tokens: int = Field(0, ge=0)
    completion_tokens: int = Field(0, ge=0)
    error: str = ""

    @property
    def tokens(self) -> int:
        """Those that were read and written."""
        return self.prompt_tokens - self.cached_prompt_tokens + self.completion_tokens


def read_runs(path: Path) -> list[Run]:
    """The runs of a file. Of questions that were run several times it is the first: repeats tell less than new ones.

    Args:
        path: of the file.

    Raises:
        InputError: it can't be read, or a line is no record of a run.
    """
    try:
        whole = path.read_text(encoding="utf-8").rpartition("\n")[0]  # a line that was cut off is no record
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}.", "Give a file that agentfix eval --output wrote.") from error
    runs = [_run(path, number, line) for number, line in enumerate(whole.split("\n")[1:], 2) if line.strip()]
    if not runs:
        raise InputError(f"{path} holds no runs.", "Give a file that agentfix eval --output wrote.")
    return [run for run in runs if run.repeat == 0]


def of_one_strategy(runs: Sequence[Run], strategy: str | None, path: Path) -> list[Run]:
    """Those of one strategy.

    Args:
        runs: of a file.
        strategy: which; may be left out where there is one only.
        path: of the file.

    Raises:
        InputError: there are several, or none of that name.
    """
    names = list(dict.fromkeys(run.strategy for run in runs))
    if strategy is None and len(names) == 1:
        return list(runs)
    found = [run for run in runs if run.strategy == strategy]
    if not found:
        raise InputError(f"{path} holds runs of {', '.join(names)}.", "Say which are meant with --strategy NAME.")
    return found


def _run(path: Path, number: int, line: str) -> Run:
    try:
        return Run.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError) as error:
        raise InputError(f"{path}, line {number}: not a record of an evaluation.",
                         "Give a file that agentfix eval --output wrote.") from error
