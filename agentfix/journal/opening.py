"""Opens the journal, and the memory of strategies, that the settings name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from agentfix.errors import ConfigError, JournalError
from agentfix.journal.fallback import IN_MEMORY
from agentfix.journal.memory import SqliteMemory
from agentfix.journal.shelf import KeptJournal
from agentfix.journal.sqlite import SqliteJournal
from agentfix.protocols import Memory
from agentfix.settings import Settings


def open_journal(settings: Settings) -> tuple[KeptJournal, str]:
    """Open the journal that runs are kept in. A database is reached for when it is first used.

    Returns:
        The journal; and why it is kept in memory, where the setting lets it and its file can't be opened.

    Raises:
        JournalError: it can't be opened.
        ConfigError: its database needs a package that is not installed.
    """
    if settings.journal == "memory":
        return SqliteJournal(None), ""
    try:
        return open_kept(settings), ""
    except JournalError as error:
        if settings.journal != "file-or-memory":
            raise
        return SqliteJournal(None), f"{error.message} {IN_MEMORY}"


def open_kept(settings: Settings) -> KeptJournal:
    """Open what outlives processes, to look into it: the database, or else the file in the data folder.

    Raises:
        JournalError, ConfigError: as `open_journal`.
    """
    if settings.journal_url is None:
        return SqliteJournal(settings.journal_path)
    with _needing_psycopg():
        from agentfix.journal.postgres import PostgresJournal  # noqa: PLC0415 - an optional package
    return PostgresJournal(settings.journal_url)


def is_kept(settings: Settings) -> bool:
    """Whether there is a journal to look into: a file that is there, or a database that is named.

    Raises:
        JournalError: nobody can tell.
    """
    if settings.journal_url is not None:
        return True
    path = settings.journal_path
    try:
        there = path.exists()
        if not there and path.parent.exists() and not path.parent.is_dir():
            raise JournalError(f"The data folder {path.parent} is no folder.", "Set data_dir to one.")
    except OSError as error:
        raise JournalError(f"The journal {path} can't be read: {error.strerror}.",
                           "Mend the permissions of its folder.") from error
    return there


def open_memory(settings: Settings, *, lasting: bool = False) -> Memory:
    """Open what strategies remember: beside the journal.

    Args:
        settings: where that is.
        lasting: what outlives processes, even where the journal does not.

    Raises:
        ConfigError: its database needs a package that is not installed.
    """
    if settings.journal_url is None:
        return SqliteMemory(None if settings.journal == "memory" and not lasting else settings.memory_path)
    with _needing_psycopg():
        from agentfix.journal.postgres import PostgresMemory  # noqa: PLC0415 - an optional package
    return PostgresMemory(settings.journal_url)


@contextmanager
def _needing_psycopg() -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigError(f"A journal in PostgreSQL needs psycopg, which can't be loaded: {error}.",
                          "Install it with: pip install 'agentfix[postgres]'") from error
