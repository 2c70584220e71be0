"""Opens journals for tests that hold for every kind of them."""

from __future__ import annotations

from pathlib import Path

from agentfix.journal import KeptJournal, SqliteJournal, SqliteMemory
from agentfix.protocols import Memory


def opened(where: str) -> KeptJournal:
    """The journal in a file, or at a URL."""
    if "://" not in where:
        return SqliteJournal(Path(where))
    from agentfix.journal.postgres import PostgresJournal

    return PostgresJournal(where)


def opened_memory(where: str) -> Memory:
    """The memory of strategies in a file, or at a URL."""
    if "://" not in where:
        return SqliteMemory(Path(where))
    from agentfix.journal.postgres import PostgresMemory

    return PostgresMemory(where)
