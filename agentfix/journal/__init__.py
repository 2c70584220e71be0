"""The journal: the one record of what happened in every run."""

from agentfix.journal.sqlite import SqliteJournal

__all__ = ["SqliteJournal"]
