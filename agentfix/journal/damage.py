"""What reading a journal raises where something else stands than was written."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Generator
from contextlib import contextmanager

from agentfix.errors import JournalError

DAMAGE = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error)


@contextmanager
def naming(run: str) -> Generator[None]:
    """Have an error about what a journal holds say which run can't be read."""
    try:
        yield
    except sqlite3.OperationalError:
        raise  # the disk's fault, or another process's
    except DAMAGE as error:
        raise ValueError(f"run {run!r}: {error}") from error


def damaged(where: str, what: str, error: BaseException, way_out: str) -> JournalError:
    """The error about a journal that holds something else than was written.

    Args:
        where: the journal.
        what: what can't be done with it, as `read`.
        error: what was raised.
        way_out: what helps besides forgetting the run.
    """
    return JournalError(f"The journal {where} can't be {what}: what it holds is damaged ({str(error)[:200]}).",
                        f"Forget the run that can't be read (agentfix runs rm RUN), or {way_out}.")
