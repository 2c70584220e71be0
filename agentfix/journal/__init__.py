"""The journal: the one record of what happened in every run."""

from agentfix.journal.archive import Archive, RunStory, RunSummary
from agentfix.journal.claims import Claims
from agentfix.journal.fallback import IN_MEMORY, FallbackJournal
from agentfix.journal.memory import SqliteMemory
from agentfix.journal.sqlite import SqliteJournal

__all__ = ["IN_MEMORY", "Archive", "Claims", "FallbackJournal", "RunStory", "RunSummary", "SqliteJournal",
           "SqliteMemory"]
