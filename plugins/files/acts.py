"""One change of a file: what was there before is kept, what is there after is compared, and it can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from agentfix import Claim, Evidence, EvidenceClass, Observation, ToolCall, ToolContext, ToolError

from .contents import Content
from .folder import Folder, folder_of, saying
from .growth import Growth
from .paths import Parts, meant, shown, written_parts

NEW_MODE = 0o644

Change: TypeAlias = Callable[[ToolCall, Content | None], bytes | None]
"""From a call and the file before it to the file's bytes after it; None for no file. Raises ToolError, or
FileNotFoundError when it takes a file to change."""


@dataclass(frozen=True)
class Act:
    """How one of the tools changes a file.

    Args:
        name: of the tool.
        change: what it does.
        growth: counts what is added.
    """

    name: str
    change: Change
    growth: Growth

    def do(self, call: ToolCall, context: ToolContext) -> Observation:
        """Change the file; the observation's data holds what it takes to check and undo it. Raises ToolError."""
        folder, parts = folder_of(context), _parts(call)
        with self.growth.lock, saying(parts):
            _require_no_plugin(folder, parts)
            before = _present(folder, parts)
            data = self.change(call, before)
            made = self._put(folder, parts, before, data, context.folder)
        size = 0 if data is None else len(data)
        did = "Deleted" if data is None else "Changed" if before else "Wrote"
        after = None if data is None else Content(data).sha256
        return Observation(self.name, "ok", f"{did} {shown(parts)}{'' if data is None else f' ({size} bytes)'}.", {
            "path": shown(parts), "size_bytes": size, "sha256": after,
            "before": before.as_json() if before else None, "made_folders": ["/".join(each) for each in made]})

    def check(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """Compare what the file holds with what the act was to make of it."""
        call, said = claim.call, claim.observation
        if call is None or call.tool != self.name or said is None or not said.ok:
            return None
        parts = _parts(call)
        wanted = self.change(call, _before(said))
        with saying(parts):
            found = _present(folder_of(context), parts)
        fault = _difference(shown(parts), wanted, found)
        if fault:
            return Evidence(EvidenceClass.MEASUREMENT, "refutes", fault, self.name, "instrument")
        holds = "is gone" if wanted is None else f"holds what {self.name} was to make of it ({len(wanted)} bytes)"
        return Evidence(EvidenceClass.MEASUREMENT, "supports", f"{shown(parts)} {holds}", self.name, "instrument")

    def undo(self, call: ToolCall, said: Observation, context: ToolContext) -> Observation:
        """Put back what was there before. Raises ToolError: the file was changed since."""
        folder, parts = folder_of(context), _parts(call)
        if not said.ok:
            raise ToolError(f"{self.name} did nothing that could be undone.")
        before = _before(said)
        with self.growth.lock, saying(parts):
            now = _present(folder, parts)
            if (now.sha256 if now else None) != said.data["sha256"]:
                raise ToolError(f"{shown(parts)} was changed since; it is left as it is.", status="refused")
            self._put(folder, parts, now, before.data if before else None, context.folder, before)
            for made in reversed(said.data["made_folders"]):
                with suppress(OSError):  # something else lies there by now
                    folder.remove_folder(tuple(made.split("/")))
        state = "is as it was before" if before else "is gone again"
        return Observation(self.name, "ok", f"{shown(parts)} {state}.", {"path": shown(parts)})

    def _put(self, folder: Folder, parts: Parts, now: Content | None, data: bytes | None, root: Path,
             like: Content | None = None) -> list[Parts]:
        """Make the file hold `data`, with the permissions it has, or those of `like`."""
        more_bytes = len(data or b"") - len(now.data if now else b"")
        more_files = int(data is not None) - int(now is not None)
        self.growth.require(root, more_bytes, more_files)
        made: list[Parts] = []
        if data is not None:
            made = folder.write(parts, Content(data, (like or now or Content(b"", NEW_MODE)).mode))
        elif now is not None:
            folder.remove(parts)
        self.growth.add(root, more_bytes, more_files)
        return made


def _require_no_plugin(folder: Folder, parts: Parts) -> None:
    """Refuse what would be loaded as a plugin by the next command in that folder."""
    for depth, name in enumerate(parts[:-1]):
        if meant(name) == "plugins" and _present(folder, (*parts[:depth], "agentfix.toml")) is not None:
            raise ToolError(f"{shown(parts)} is not changed: what lies in plugins beside agentfix.toml is run.",
                            status="refused")


def _parts(call: ToolCall) -> Parts:
    return written_parts(str(call.arguments["path"]))


def _before(said: Observation) -> Content | None:
    kept: Any = said.data["before"]
    return None if kept is None else Content.from_json(kept)


def _present(folder: Folder, parts: Parts) -> Content | None:
    try:
        return folder.read(parts)
    except FileNotFoundError:
        return None


def _difference(name: str, wanted: bytes | None, found: Content | None) -> str:
    """What is wrong with what was found; empty for nothing."""
    if wanted is None:
        return f"{name} is still there" if found else ""
    if found is None:
        return f"{name} is not there"
    if found.data == wanted:
        return ""
    pairs = zip(found.data.splitlines(), wanted.splitlines(), strict=False)
    line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), None)
    where = f"line {line} is another" if line else f"it has {len(found.data)} bytes, not {len(wanted)}"
    return f"{name} does not hold what was to be written: {where}"
