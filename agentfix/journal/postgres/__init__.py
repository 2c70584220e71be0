"""The journal, and the memory of strategies, in PostgreSQL, where processes on many machines share them."""

from agentfix.journal.postgres.database import Database
from agentfix.journal.postgres.journal import PostgresJournal
from agentfix.journal.postgres.memory import PostgresMemory

__all__ = ["Database", "PostgresJournal", "PostgresMemory"]
