"""Recordings: what models and tools replied, by content hash, in a file that can be replayed anywhere.

A file of JSON lines: what wrote it, then the runs it comes from, then each call with its request and its reply, once
but for tools that were called so again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from agentfix.digest import digest
from agentfix.errors import RecordingError
from agentfix.exchange import check_call
from agentfix.protocols import JournalledCall

FORMAT = 1
COMPARED_CHARS = 2000
"""How much of two requests is compared to find the nearest."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call and its reply."""

    request: Mapping[str, Any]
    reply: Mapping[str, Any]
    later: tuple[Mapping[str, Any], ...] = ()
    """What a tool said when it was called so again: the world may have changed in between."""

    @property
    def replies(self) -> tuple[Mapping[str, Any], ...]:
        """All of them, in order."""
        return (self.reply, *self.later)


@dataclass(frozen=True)
class Recording:
    """What a recording holds.

    Args:
        name: for messages: the file, or the run it was made from.
        runs: the headers of the runs it comes from, by their names.
        calls: by digest.
        ended: False when it is of a run that was cut off.
    """

    name: str
    runs: Mapping[str, Mapping[str, Any]]
    calls: Mapping[str, RecordedCall] = field(repr=False)
    ended: bool = True

    @property
    def models(self) -> list[str]:
        """The names of the models that were asked, in order."""
        return list(dict.fromkeys(c.request["model"] for c in self.calls.values() if "model" in c.request))

    def reply(self, request: Mapping[str, Any], time: int = 0) -> Mapping[str, Any] | None:
        """The reply to a request, or None when it was not recorded.

        Args:
            request: as it is asked.
            time: how often it was asked before; past the last reply there is, that one stays.
        """
        call = self.calls.get(digest(request))
        return None if call is None else call.replies[min(time, len(call.later))]

    def missing(self, request: Mapping[str, Any]) -> RecordingError:
        """The error for a request that was not recorded: it shows the nearest one that was."""
        if not self.ended:
            return RecordingError(f"{self.name} was cut off here.", "Go on with it instead: agentfix resume RUN.")
        what = f"tool {request['tool']!r}" if "tool" in request else f"model {request['model']!r}"
        near = self._nearest(request)
        hint = "Record it: agentfix run --record FILE."
        if near is None:
            return RecordingError(f"{self.name} holds no call of {what}.", hint)
        differs = "; ".join(_differences(near, _plain(request))) or "it was recorded for another model"
        return RecordingError(f"{self.name} does not hold this call of {what}. The nearest one differs: {differs}.",
                              hint)

    def _nearest(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        sort = "tool" if "tool" in request else "model"
        wanted = _text(request)
        alike = [call.request for call in self.calls.values() if sort in call.request]
        return max(alike, key=lambda r: difflib.SequenceMatcher(None, wanted, _text(r), autojunk=False).quick_ratio(),
                   default=None)


def find_recording(path: str | Path) -> Recording | None:
    """Read a recording, if there is a file of that name.

    Raises:
        RecordingError: there is a file, but it is no recording.
    """
    return read_recording(Path(path)) if is_there(path) else None


def is_there(path: str | Path) -> bool:
    """Whether there is a file of that name; what can't be a file's name is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: the file is not there or is no recording; says which line is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, ValueError) as error:
        raise RecordingError(f"The recording {str(path)!r} can't be read: {error}.") from error
    if lines == [""]:
        raise RecordingError(f"{str(path)!r} is no recording: it is empty.")
    runs: dict[str, Mapping[str, Any]] = {}
    calls: dict[str, RecordedCall] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if number == 1:
                if entry["agentfix_recording"] != FORMAT:
                    raise ValueError(f"format {entry['agentfix_recording']!r} is unknown to this agentfix")
            elif "run" in entry:
                runs[entry["run"]] = dict(entry["header"])
            else:
                check_call(entry["request"], entry["reply"])
                key = entry.get("digest") or digest(entry["request"])
                _add(calls, key, entry["request"], entry["reply"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecordingError(f"{str(path)!r} is no recording: line {number} is wrong ({repr(error)[:200]}).",
                                 "Make one with: agentfix run --record FILE.") from error
    return Recording(str(path), runs, calls)


def recording_of(run: str, header: Mapping[str, Any], calls: Iterable[JournalledCall], *,
                 ended: bool = True) -> Recording:
    """What a journal holds of a run, as a recording."""
    recorded: dict[str, RecordedCall] = {}
    for call in calls:
        if call.reply is not None:
            _add(recorded, call.digest, call.request, call.reply)
    return Recording(f"run {run!r}", {run: header}, recorded, ended)


def _add(calls: dict[str, RecordedCall], key: str, request: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
    """Take one call in. Of a tool that was called so before, what it says now comes after what it said then."""
    before = calls.get(key) if "tool" in request else None
    calls[key] = RecordedCall(request, reply) if before is None else replace(before, later=(*before.later, reply))


def write_recording(path: Path, recording: Recording) -> None:
    """Add a recording to a file, which is made when it is not there. What the file holds already is kept, whatever
    happens meanwhile: the longer file takes the place of the shorter one at once.

    Raises:
        RecordingError: the file can't be written, or is something else than a recording.
    """
    try:
        path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_lock_of(path)):
            if path.exists() and not path.is_file():
                raise RecordingError(f"{str(path)!r} is no file that could be a recording.", "Choose another.")
            there = path.exists() and path.stat().st_size > 0
            known = read_recording(path) if there else Recording(str(path), {}, {})
            lines = [] if there else [json.dumps({"agentfix_recording": FORMAT})]
            lines += (json.dumps({"run": run, "header": dict(header)}, default=str)
                      for run, header in recording.runs.items() if run not in known.runs)
            lines += (json.dumps({"request": dict(call.request), "reply": dict(reply), **_name(key, call)})
                      for key, call in recording.calls.items() if key not in known.calls for reply in call.replies)
            if lines:
                _replace(path, "".join(f"{line}\n" for line in lines))
    except (OSError, ValueError) as error:
        raise RecordingError(f"The recording {str(path)!r} can't be written: {error}.",
                             "Choose another file.") from error


def _name(key: str, call: RecordedCall) -> dict[str, str]:
    """The digest of a call that a plugin changed: its request is what was made of it."""
    return {} if key == digest(call.request) else {"digest": key}


def _replace(path: Path, added: str) -> None:
    """Put a longer copy in the place of a file."""
    copy = path.with_name(f".{path.name}.part")
    try:
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        copy.write_text(kept + ("\n" if kept and not kept.endswith("\n") else "") + added, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, copy)
        copy.replace(path)
    finally:
        copy.unlink(missing_ok=True)


def _lock_of(path: Path) -> Path:
    """Apart from the recording, so that nothing is left beside it."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"agentfix-recording-{name}.lock"


def _text(request: Mapping[str, Any]) -> str:
    if "tool" in request:
        return f"{request['tool']} {json.dumps(request['arguments'], default=str)}"[:COMPARED_CHARS]
    return "\n".join(str(message["content"]) for message in request["messages"])[-COMPARED_CHARS:]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _differences(recorded: Any, asked: Any, where: str = "", most: int = 3) -> list[str]:
    """Up to three places where two requests differ, each with both values cut short."""
    found = list(_walk(recorded, asked, where))
    return found[:most] + ([f"and {len(found) - most} more"] if len(found) > most else [])


def _walk(recorded: Any, asked: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, Mapping) and isinstance(asked, Mapping):
        keys: Sequence[str] = list(dict.fromkeys([*recorded, *asked]))  # pyright: ignore[reportUnknownArgumentType]
        for key in keys:
            yield from _walk(recorded.get(key), asked.get(key), f"{where}.{key}" if where else key)  # pyright: ignore[reportUnknownMemberType]
    elif isinstance(recorded, list) and isinstance(asked, list) and len(recorded) == len(asked):  # pyright: ignore[reportUnknownArgumentType]
        for index, (one, other) in enumerate(zip(recorded, asked, strict=True)):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            yield from _walk(one, other, f"{where}[{index}]")
    elif recorded != asked:
        yield f"{where} was {_short(recorded, asked)} and is {_short(asked, recorded)}"


def _short(value: Any, other: Any) -> str:
    """A value on one line; of two long texts, the part from where they part."""
    if isinstance(value, str) and isinstance(other, str):
        same = next((i for i, (a, b) in enumerate(zip(value, other, strict=False)) if a != b),
                    min(len(value), len(other)))
        value = value[max(0, same - 10):]
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:80]}..."
