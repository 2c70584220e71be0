"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "missing", "broken", "optional"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that agentfix uses, and how it is here."""

    name: str
    state: State
    """`optional`: not there, and only extras need it."""
    detail: str
    mend: str = ""
    """A command or a deed that mends it."""
