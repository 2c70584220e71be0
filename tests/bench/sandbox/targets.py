"""A figure beside what it ought to be, and how both are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """What a figure ought to be."""

    name: str
    measured: float | None
    """None: it could not be measured here."""
    bound: Literal["at most", "at least"]
    target: float
    unit: str = "times"

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured <= self.target if self.bound == "at most" else self.measured >= self.target

    def __str__(self) -> str:
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[self.met]
        measured = "-" if self.measured is None else f"{self.measured:.2f}"
        return f"{self.name:64} {measured:>9}   {self.bound} {self.target:g} {self.unit}: {verdict}"


def show(figures: Mapping[str, Any], targets: Sequence[Target], as_json: bool) -> None:
    """Print figures, which may be in groups, and the targets."""
    if as_json:
        listed = [{"name": t.name, "measured": t.measured, "bound": t.bound, "target": t.target, "unit": t.unit,
                   "met": t.met} for t in targets]
        sys.stdout.write(json.dumps({**figures, "targets": listed}) + "\n")
        return
    lines: list[str] = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            lines += [f"{name}:", *(f"  {key:62} {_text(each):>9}" for key, each in value.items())]
        else:
            lines.append(f"{name:64} {_text(value):>9}")
    sys.stdout.write("\n".join([*lines, "", *map(str, targets), ""]))


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
