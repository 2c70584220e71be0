"""Keeps model files: finds them on disk, fetches the missing, proves them by their hash, removes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from agentfix.errors import CatalogueError, InputError, ModelUnavailableError, UsageError
from agentfix.models.entries import ENTRIES, ModelFile, parse_name
from agentfix.models.hugging_face import HuggingFace
from agentfix.models.package_mirror import PackageMirror
from agentfix.models.sources import Source, free_bytes, megabytes, require_official, require_space
from agentfix.settings import Settings


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the fetching of a model is."""

    name: str
    source: str
    done_bytes: int = 0
    total_bytes: int | None = None
    note: str = ""
    """For people: what happens, or why a source was left."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A model that is known by name or was fetched before."""

    file: ModelFile
    path: Path
    """Where it is, or would be."""
    present: bool
    unfinished_bytes: int = 0


def _ignore(_progress: Progress) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The model files in a folder.

    Args:
        directory: the folder; made when something is fetched.
        sources: where missing files come from, in this order.
        on_progress: told what happens while a file is fetched; what it raises stops the fetching, and another
            call goes on from there.
        free: free bytes on the disk of a folder.
        known: the models that have a name.
    """

    directory: Path
    sources: Sequence[Source]
    on_progress: Callable[[Progress], None] = _ignore
    free: Callable[[Path], int] = free_bytes
    known: Mapping[str, ModelFile] = field(default_factory=lambda: ENTRIES)

    def resolve(self, name: str) -> Path:
        """The file of a model; fetched if it is missing. Blocks: call it in a thread from async code.

        Args:
            name: see `agentfix.models.entries.parse_name`.

        Raises:
            UnknownNameError: there is no model of that name.
            ModelUnavailableError: a local file is missing or not a GGUF file.
            CatalogueError: it could not be fetched; names each source and why.
        """
        return self.locate(name) or self.pull(name)

    def locate(self, name: str) -> Path | None:
        """The file of a model, if it is on disk and complete.

        Raises:
            UnknownNameError, ModelUnavailableError: as `resolve`.
        """
        found = parse_name(name, self.known)
        if isinstance(found, Path):
            return _require_gguf(found)
        return path if _is_complete(path := self._path(found), found) else None

    def path(self, name: str) -> Path:
        """Where the file of a model is or would be."""
        found = parse_name(name, self.known)
        return found if isinstance(found, Path) else self._path(found)

    def pull(self, name: str) -> Path:
        """Fetch a model, or check the hash of one that is there. Blocks.

        Raises:
            As `resolve`.
        """
        found = parse_name(name, self.known)
        if isinstance(found, Path):
            return _require_gguf(found)
        path = self._path(found)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked(found, path):
                if not self._is_good(found, path):
                    self._fetch(found, path)
        except OSError as error:
            raise CatalogueError(f"The model {found.name!r} can't be written to {str(path.parent)!r}: {error}.",
                                 "Set data_dir to a folder that can be written.") from error
        return path

    def remove(self, name: str) -> int:
        """Delete a model and what is left of unfinished tries.

        Returns:
            The bytes that became free.

        Raises:
            UnknownNameError: there is no model of that name.
            InputError: it is a local file that the catalogue does not keep.
            CatalogueError: there is nothing of it.
        """
        found = parse_name(name, self.known)
        if isinstance(found, Path):
            raise InputError(f"{str(found)!r} is your own file.", "Delete it yourself.")
        path = self._path(found)
        remains = [p for p in (path, *path.parent.glob("*")) if p.exists() and _belongs(p, path)]
        if not remains:
            raise CatalogueError(f"The model {found.name!r} is not on disk.", "See them with: agentfix models list")
        with self._locked(found, path):
            freed = sum(p.stat().st_size for p in {*remains} if p.is_file())
            _delete(path)
        return freed

    def entries(self) -> tuple[Kept, ...]:
        """The models of the catalogue, then what else was fetched."""
        files = [*self.known.values()]
        for path in sorted(self.directory.glob("*/*/**/*.gguf")):
            owner, repository, *rest = path.relative_to(self.directory).parts
            try:
                found = parse_name(f"{owner}/{repository}:{'/'.join(rest)}", self.known)
            except (UsageError, ModelUnavailableError):
                continue  # put there by someone else
            files += [found] if isinstance(found, ModelFile) else []
        return tuple(self._kept(file) for file in files)

    def _kept(self, file: ModelFile) -> Kept:
        path = self._path(file)
        parts = [part.stat().st_size for part in self._parts(path) if part.exists()]
        return Kept(file, path, _is_complete(path, file), max(parts, default=0))

    def _path(self, file: ModelFile) -> Path:
        return self.directory / file.place

    def _parts(self, path: Path) -> list[Path]:
        return [path.with_name(f"{path.name}.{source.suffix}") for source in self.sources]

    @contextmanager
    def _locked(self, file: ModelFile, path: Path) -> Generator[None]:
        """Only one process works on a file."""
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.on_progress(Progress(file.name, "", note="Another process is fetching it; waiting for that."))
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _is_good(self, file: ModelFile, path: Path) -> bool:
        """Whether the file is there as it should be; a wrong one is deleted and said."""
        if not path.exists():
            return False
        try:
            require_official(path, file.size_bytes, file.sha256)
        except CatalogueError as error:
            path.unlink()
            self.on_progress(Progress(file.name, "cache", note=f"{error.message} It was deleted."))
            return False
        return True

    def _fetch(self, file: ModelFile, path: Path) -> None:
        """Try the sources in turn."""
        if file.size_bytes is not None:
            there = self._kept(file).unfinished_bytes
            require_space(path.parent, file.size_bytes - min(there, file.size_bytes), self.free)
        failures: list[str] = []
        for source, part in zip(self.sources, self._parts(path), strict=True):
            try:
                self._fetch_from(source, file, part)
            except CatalogueError as error:
                failures.append(f"{source.title}: {error.message}")
                self.on_progress(Progress(file.name, source.title, note=error.message))
                continue
            part.replace(path)
            _delete(path, keep=path)
            return
        raise CatalogueError(f"The model {file.name!r} could not be fetched. {' '.join(failures)}",
                             "Check the network, or give the path of a GGUF file that you have.")

    def _fetch_from(self, source: Source, file: ModelFile, part: Path) -> None:
        def report(done: int, total: int, note: str) -> None:
            self.on_progress(Progress(file.name, source.title, done, total, note))

        stated = source.fetch(file, part, report)
        try:
            require_official(part, file.size_bytes, file.sha256 or stated)
        except CatalogueError as error:
            _delete(part)
            raise CatalogueError(f"{error.message} It was deleted.") from error


def open_catalogue(settings: Settings, on_progress: Callable[[Progress], None] = _ignore) -> Catalogue:
    """The catalogue that settings describe: Hugging Face first, then the package mirror."""
    return Catalogue(settings.models_dir, (HuggingFace(settings.hugging_face_url), PackageMirror()), on_progress)


def describe_size(kept: Kept) -> str:
    """The size of a model for people; `?` before it is known."""
    size = kept.file.size_bytes or (kept.path.stat().st_size if kept.present else None)
    return "?" if size is None else megabytes(size)


def _is_complete(path: Path, file: ModelFile) -> bool:
    return path.is_file() and file.size_bytes in (None, path.stat().st_size)


def _require_gguf(path: Path) -> Path:
    try:
        require_official(path, None, None)
    except (OSError, CatalogueError) as error:
        raise ModelUnavailableError(f"The model file {str(path)!r} can't be used: {error}") from error
    return path


def _belongs(candidate: Path, path: Path) -> bool:
    return candidate.name == path.name or candidate.name.startswith(f"{path.name}.")


def _delete(path: Path, *, keep: Path | None = None) -> None:
    """Delete a file and those beside it whose names begin with its own."""
    for candidate in path.parent.glob("*"):
        if _belongs(candidate, path) and candidate != keep:
            if candidate.is_dir():
                shutil.rmtree(candidate)
            else:
                candidate.unlink(missing_ok=True)
