"""The index: passages in an SQLite file, found with FTS5 and ranked by BM25.

What FTS5 indexes is not what is kept: the words of `searchable`, against the passage as it stands in its document.
"""

from __future__ import annotations

import shlex
import sqlite3
import threading
import time
import weakref
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentfix import AgentFixError

from .cutting import Piece
from .words import Query, read_query, same_words, searchable

VERSION = 1
"""Of the tables and of `searchable`: an index of another version can't be read."""
APPLICATION = 0x61_66_63_73
BUSY_S = 60
"""How long a write waits for another process's."""
TITLE_WEIGHT = 2.0
PHRASE_WEIGHT = 0.5
"""What words count that stand side by side as in the query, against the words alone."""
POOL = 50
"""So many of the best passages by words are ranked by phrases too."""
_RANK = f"bm25({TITLE_WEIGHT}, 1.0)"
_NO_ROOM = {sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
"""What SQLite says where the disk, not the file, is at fault."""
_SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 BLOB NOT NULL, passages INTEGER NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL,
    end INTEGER NOT NULL, place TEXT NOT NULL, url TEXT NOT NULL);
CREATE INDEX passages_of_file ON passages (file);
CREATE VIRTUAL TABLE words USING fts5 (
    title, text, content='', tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* M* Co'");
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it was when it was indexed."""

    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: bytes
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found."""

    piece: Piece
    path: Path
    score: float
    """BM25: higher is better; of one query only."""


class Index:
    """An index file.

    Several threads and processes may use it at once; each change is whole or not at all.

    Args:
        path: the file.
        create: make it when it is not there.

    Raises:
        AgentFixError: it is not there, is damaged, or is no index of this version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        if create:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AgentFixError(f"The folder {path.parent} can't be made: {error.strerror}.",
                                    "Set another data_dir.") from error
        elif not path.exists():
            raise AgentFixError(f"There is no corpus at {path}.", "Add files with: agentfix corpus add PATH")
        with self._guarding():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
            self.close = weakref.finalize(self, self._db.close)
            """Closes the file; may be called twice, and is when nobody has the index any more."""
        try:
            with self._guarding():
                self._prepare()
        except BaseException:
            self.close()
            raise

    # --- reading -------------------------------------------------------------------------------------------------

    def search(self, query: str, k: int) -> list[Hit]:
        """The k best passages with any of the query's words, best first; of those with equal words only one."""
        asked = read_query(query)
        hits: dict[str, Hit] = {}
        if not asked.words or k < 1:
            return []
        with self._guarding(), self._transaction("BEGIN"):
            for number, score in self._ranked(asked, max(POOL, 2 * k)):
                row = self._db.execute(
                    "SELECT title, text, start, end, place, url, path FROM passages JOIN files ON files.id = file "
                    "WHERE passages.id = ?", (number,)).fetchone()
                if row is None:
                    raise sqlite3.DatabaseError("it has words of no passage")
                title, text, *place, path = row
                hits.setdefault(same_words(text), Hit(Piece(title, text, *place), Path(path), score))
                if len(hits) == k:
                    break
        return list(hits.values())

    def files(self) -> list[Kept]:
        """What is indexed, by path."""
        with self._guarding():
            rows = self._db.execute("SELECT path, size_bytes, mtime_ns, sha256, passages FROM files ORDER BY path")
            return [Kept(Path(path), *rest) for path, *rest in rows]

    def kept(self, path: Path) -> Kept | None:
        """A file as it was indexed; None when it was not."""
        with self._guarding():
            row = self._db.execute("SELECT size_bytes, mtime_ns, sha256, passages FROM files WHERE path = ?",
                                   (str(path),)).fetchone()
        return Kept(path, *row) if row else None

    # --- writing -------------------------------------------------------------------------------------------------

    def put(self, file: Kept, pieces: Iterable[Piece]) -> int:
        """Index a file in place of what was indexed of it before, unless that is the same.

        Args:
            file: what it is; its number of passages is not looked at.
            pieces: its passages, drawn while the index is locked.

        Returns:
            How many passages it has.
        """
        with self._guarding(), self._transaction("BEGIN IMMEDIATE"):
            there = self.kept(file.path)
            if there is not None and there.sha256 == file.sha256:  # another process was faster
                return there.passages
            self._drop(file.path)
            number = self._db.execute(
                "INSERT INTO files (path, size_bytes, mtime_ns, sha256, passages) VALUES (?, ?, ?, ?, 0)",
                (str(file.path), file.size_bytes, file.mtime_ns, file.sha256)).lastrowid
            count = 0
            for piece in pieces:
                passage = self._db.execute(
                    "INSERT INTO passages (file, title, text, start, end, place, url) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (number, piece.title, piece.text, piece.start, piece.end, piece.place, piece.url)).lastrowid
                self._db.execute("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
                                 (passage, searchable(piece.title), searchable(piece.text)))
                count += 1
            self._db.execute("UPDATE files SET passages = ? WHERE id = ?", (count, number))
        return count

    def touch(self, file: Kept) -> None:
        """Note that a file has another time or size but the content that is indexed."""
        with self._guarding():
            self._db.execute("UPDATE files SET size_bytes = ?, mtime_ns = ? WHERE path = ? AND sha256 = ?",
                             (file.size_bytes, file.mtime_ns, str(file.path), file.sha256))

    def remove(self, path: Path) -> None:
        """Forget a file; nothing happens when it is not indexed."""
        with self._guarding(), self._transaction("BEGIN IMMEDIATE"):
            self._drop(path)

    def compact(self) -> None:
        """Give back the room of what was removed, and leave no trace of it in the file."""
        with self._guarding():
            self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._db.execute("VACUUM")

    # --- inside --------------------------------------------------------------------------------------------------

    def _ranked(self, asked: Query, limit: int) -> list[tuple[int, float]]:
        """The numbers and scores of the best passages; those that hold neighbours of the query as neighbours gain."""
        find = "SELECT rowid, -rank FROM words WHERE words MATCH ? AND rank MATCH ?"
        found: list[tuple[int, float]] = self._db.execute(f"{find} ORDER BY rank LIMIT ?",
                                                          (asked.words, _RANK, limit)).fetchall()
        gains: dict[int, float] = dict(self._db.execute(find, (asked.phrases, _RANK))) if asked.phrases else {}
        scored = [(number, score + PHRASE_WEIGHT * gains.get(number, 0)) for number, score in found]
        return sorted(scored, key=lambda passage: -passage[1])

    def _drop(self, path: Path) -> None:
        row = self._db.execute("SELECT id FROM files WHERE path = ?", (str(path),)).fetchone()
        if row is None:
            return
        gone = self._db.execute("SELECT id, title, text FROM passages WHERE file = ?", row)
        self._db.executemany("INSERT INTO words (words, rowid, title, text) VALUES ('delete', ?, ?, ?)",
                             ((number, searchable(title), searchable(text)) for number, title, text in gone))
        self._db.execute("DELETE FROM passages WHERE file = ?", row)
        self._db.execute("DELETE FROM files WHERE id = ?", row)

    def _prepare(self) -> None:
        self._use_write_ahead_log()
        self._db.execute("PRAGMA synchronous = NORMAL")
        if self._is_current():
            return
        with self._transaction("BEGIN IMMEDIATE"):
            if self._is_current():
                return
            if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise AgentFixError(f"{self.path} is no corpus of this version of agentfix.", _rebuild(self.path))
            for statement in _SCHEMA.strip().split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION}")
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _is_current(self) -> bool:
        marks = [self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        return marks == [APPLICATION, VERSION]

    def _use_write_ahead_log(self) -> None:
        """Of several processes that do so to a new file, SQLite refuses all but one at once, whatever its time-out."""
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    @contextmanager
    def _transaction(self, begin: str) -> Generator[None]:
        """All or nothing."""
        self._db.execute(begin)
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a disk that fails ends it by itself
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guarding(self) -> Generator[None]:
        """Turn what SQLite and the disk raise into one clear error."""
        try:
            with self._lock:
                yield
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_BUSY:
                raise AgentFixError(f"The corpus {self.path} is being changed by another process.",
                                    "Try again when that has ended.") from error
            if code in _NO_ROOM:
                raise AgentFixError(f"The corpus {self.path} can't be used: {error}.",
                                    "Look at its permissions and at the free disk space.") from error
            if "no such module" in str(error):
                raise AgentFixError("Searching needs FTS5, which the SQLite of this Python lacks.",
                                    "Use another build of Python.") from error
            raise AgentFixError(f"The corpus {self.path} is damaged: {str(error)[:200]}.",
                                _rebuild(self.path)) from error


def _rebuild(path: Path) -> str:
    return f"Delete that file and add your files again: rm {shlex.quote(str(path))}"
