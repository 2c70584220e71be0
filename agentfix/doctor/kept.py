"""Looks at the journal: whether it can be had, and what is in it."""

from __future__ import annotations

import asyncio

from agentfix.doctor.finding import Finding
from agentfix.errors import AgentFixError
from agentfix.journal import is_kept, open_kept
from agentfix.settings import Settings

NAME = "journal"


def check_journal(settings: Settings) -> Finding:
    """The file, or the database, that runs are kept in."""
    if settings.journal == "memory":
        return Finding(NAME, "ok", "in memory; nothing is left behind")
    try:
        if not is_kept(settings):
            return Finding(NAME, "ok", f"{settings.journal_path}, made with the first run")
        journal = open_kept(settings)
        try:
            return Finding(NAME, "ok", journal.about())
        finally:
            asyncio.run(journal.aclose())
    except AgentFixError as error:
        return Finding(NAME, "broken", error.message, error.hint)
