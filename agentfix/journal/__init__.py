"""The journal: the one record of what happened in every run."""

from agentfix.journal.archive import Archive, RunStory, RunSummary
from agentfix.journal.claims import Claims
from agentfix.journal.fallback import IN_MEMORY, FallbackJournal
from agentfix.journal.memory import SqliteMemory
from agentfix.journal.opening import is_kept, open_journal, open_kept, open_memory
from agentfix.journal.shelf import KeptJournal, claimed
from agentfix.journal.sqlite import SqliteJournal

__all__ = ["IN_MEMORY", "Archive", "Claims", "FallbackJournal", "KeptJournal", "RunStory", "RunSummary",
           "SqliteJournal", "SqliteMemory", "claimed", "is_kept", "open_journal", "open_kept", "open_memory"]
