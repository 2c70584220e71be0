"""The tools that only look."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentfix import Deadline, Observation, ToolContext, ToolError, tool

from .contents import MAX_FILE_BYTES, Content, Entry, lines_of
from .folder import Folder, folder_of, listed, saying, walk
from .paths import file_parts, parts_of, shown

MAX_LISTED = 300
MAX_LINES = 2_000
TEXT_CHARACTERS = 7_500
"""Of one reading: what is longer would be cut in its middle."""
LINE_CHARACTERS = 200
"""Of a line that is found."""
MAX_HITS = 100
MAX_SEARCHED_BYTES = 64 * 2**20


@tool
def list_files(path: str = "", recursive: bool = False, *, context: ToolContext) -> Observation:
    """List the files and folders in the working folder, with their sizes in bytes. Names of folders end with a slash.

    Args:
        path: A folder in it; the working folder itself when empty.
        recursive: List what its folders hold as well.
    """
    folder, top = folder_of(context), parts_of(path)
    if recursive:
        found = list(walk(folder, top))
    else:
        with saying(top):
            found = [((*top, entry.name), entry) for entry in listed(folder, top)]
    lines = [_line(shown(parts), entry) for parts, entry in found[:MAX_LISTED]]
    if len(found) > MAX_LISTED:
        lines.append(f"... and {len(found) - MAX_LISTED} more: list one of the folders.")
    entries = [{"path": shown(parts), "kind": entry.kind, "size_bytes": entry.size_bytes}
               for parts, entry in found[:MAX_LISTED]]
    return Observation("list_files", "ok", "\n".join(lines) or "The folder is empty.",
                       {"entries": entries, "count": len(found)})


@tool
def read_file(path: str, first_line: int = 1, lines: int = MAX_LINES, *, context: ToolContext) -> Observation:
    """Read a text file of the working folder, or some of its lines.

    Args:
        path: Where it is in the working folder, such as notes/today.md.
        first_line: The line to begin with, from 1.
        lines: How many lines to read at most.
    """
    if first_line < 1 or lines < 1:
        raise ToolError("Lines are counted from 1, and at least one is read.")
    folder, parts = folder_of(context), file_parts(path)
    with saying(parts):
        content = folder.read(parts)
    whole = lines_of(content.text(shown(parts)).replace("\r\n", "\n"))
    if first_line > max(1, len(whole)):
        raise ToolError(f"{shown(parts)} has {len(whole)} lines; there is no line {first_line}.")
    taken: list[str] = []
    room = TEXT_CHARACTERS
    for line in whole[first_line - 1 : first_line - 1 + min(lines, MAX_LINES)]:
        if taken and len(line) > room:
            break
        taken.append(line)
        room -= len(line)
    last = first_line + len(taken) - 1
    text = "".join(taken)
    if last < len(whole):
        text += f"\n[{len(whole) - last} more lines follow: read on from line {last + 1}.]"
    return Observation("read_file", "ok", text or "The file is empty.",
                       {"path": shown(parts), "first_line": first_line, "last_line": last, "lines": len(whole),
                        "size_bytes": len(content.data), "sha256": content.sha256})


@tool
def search_files(text: str, path: str = "", ignore_case: bool = False, *, context: ToolContext,
                 deadline: Deadline) -> Observation:
    """Find the lines that hold a text in the text files of the working folder.

    Args:
        text: What to look for, as it stands there: no wildcards.
        path: A folder or a file in it; the whole working folder when empty.
        ignore_case: Take large and small letters as equal.
    """
    if not text or "\n" in text:
        raise ToolError("Look for a text of one line.")
    search = _Search(text.casefold() if ignore_case else text, ignore_case, time.monotonic() + deadline * 0.9)
    search.run(folder_of(context), path)
    said = [f"{hit['path']}:{hit['line']}: {hit['text']}" for hit in search.hits]
    if search.stopped:
        said.append(f"The search was not finished: {search.stopped}.")
    return Observation("search_files", "ok", "\n".join(said) or f"No file holds {text[:LINE_CHARACTERS]!r}.",
                       {"hits": search.hits, "files": search.files, "finished": not search.stopped})


@dataclass
class _Search:
    """One search, within its limits."""

    wanted: str
    ignore_case: bool
    until: float
    hits: list[dict[str, str | int]] = field(default_factory=list[dict[str, str | int]])
    files: int = 0
    stopped: str = ""
    """Why it ended early; empty when it did not."""
    _read_bytes: int = 0

    def run(self, folder: Folder, path: str) -> None:
        """Look everywhere below `path`. Raises ToolError: there is no such file or folder."""
        top = parts_of(path)
        try:
            found = [parts for parts, entry in walk(folder, top)
                     if entry.kind == "file" and entry.size_bytes <= MAX_FILE_BYTES]
        except ToolError as error:
            if error.status != "error" or not top:
                raise
            found = [top]
        for parts in found:
            if self._over():
                return
            try:
                with saying(parts):
                    content = folder.read(parts)
                self._look(content, shown(parts))
            except ToolError:
                if found == [top]:
                    raise
                continue  # gone meanwhile, closed to this user, or binary

    def _over(self) -> bool:
        if time.monotonic() > self.until:
            self.stopped = "its time is over"
        elif self._read_bytes > MAX_SEARCHED_BYTES:
            self.stopped = f"more than {MAX_SEARCHED_BYTES} bytes were read"
        elif len(self.hits) >= MAX_HITS:
            self.stopped = f"{MAX_HITS} lines were found"
        return bool(self.stopped)

    def _look(self, content: Content, name: str) -> None:
        self.files += 1
        self._read_bytes += len(content.data)
        for number, line in enumerate(lines_of(content.text(name)), 1):
            at = (line.casefold() if self.ignore_case else line).find(self.wanted)
            if at >= 0 and len(self.hits) < MAX_HITS:
                start = max(0, at - LINE_CHARACTERS // 2) if len(line) > LINE_CHARACTERS else 0
                self.hits.append({"path": name, "line": number, "text": line[start : start + LINE_CHARACTERS].strip()})


def _line(name: str, entry: Entry) -> str:
    match entry.kind:
        case "folder":
            return f"{name}/"
        case "file":
            return f"{name} ({entry.size_bytes} bytes)"
        case "link":
            return f"{name} (a link, not followed)"
        case "other":
            return f"{name} (no ordinary file)"
