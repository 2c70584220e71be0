"""The tools that need not be asked about in a folder any more, because a person said so there.

They are kept in the data folder, not in the project: a project that somebody else made can't bring permissions along.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agentfix.errors import InputError

_PLAIN = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What was allowed.

    Args:
        file: where it is kept; None to keep nothing.
        project: the folder it is about: that of agentfix.toml.
    """

    file: Path | None
    project: Path

    def tools(self) -> tuple[str, ...]:
        """The tools that are always allowed in the project."""
        return tuple(self._read().get(str(self.project), ()))

    def allow(self, tool: str) -> None:
        """Remember that a tool is always allowed.

        Raises:
            InputError: it can't be kept, or its name would be a pattern of a rule, which may fit other tools too.
        """
        if not _PLAIN.fullmatch(tool):
            raise InputError(f"The tool {tool!r} can't be allowed by its name.", "Say yes each time.")
        self._write(tuple(dict.fromkeys((*self.tools(), tool))))

    def forget(self, tool: str) -> None:
        """Have a tool asked about again. Raises InputError: it can't be kept."""
        self._write(tuple(name for name in self.tools() if name != tool))

    def _write(self, tools: tuple[str, ...]) -> None:
        if self.file is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new = self.file.with_suffix(".new")
            new.write_text(json.dumps({**self._read(), str(self.project): tools}, indent=2) + "\n", encoding="utf-8")
            new.replace(self.file)
        except OSError as error:
            raise InputError(f"{self.file} can't be written: {error.strerror}.",
                             "Set data_dir to another folder.") from error

    def _read(self) -> dict[str, tuple[str, ...]]:
        """What the file says: nothing that is not surely meant."""
        if self.file is None:
            return {}
        try:
            told: Any = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        items = cast("dict[str, Any]", told).items() if isinstance(told, dict) else ()
        return {folder: tuple(name for name in cast("list[Any]", names)
                              if isinstance(name, str) and _PLAIN.fullmatch(name))
                for folder, names in items if isinstance(names, list)}
