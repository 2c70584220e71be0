"""Remembers what servers said of their tools when the user's word for it was first used: it holds for that alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from agentfix import McpServer, ToolSpec


class TrustedWords:
    """What one server said.

    Args:
        folder: where it is kept.
        name: of the server.
        server: what the settings say of it; with another command, address or choice of tools it is another.

    Attributes:
        file: removed by who has read what the server says now, to trust it again.
    """

    def __init__(self, folder: Path, name: str, server: McpServer) -> None:
        self.file = folder / f"{name}-{_print([server.command, server.url, server.tools])[:12]}.json"

    def changed(self, specs: Mapping[str, ToolSpec]) -> list[str]:
        """The tools that are new, or say another thing of themselves, since they were first trusted.

        Args:
            specs: by name. Kept when nothing is kept yet.

        Raises:
            OSError: nothing can be read or kept there.
        """
        now = {name: _print([spec.description, spec.parameters]) for name, spec in specs.items()}
        try:
            kept: Any = json.loads(self.file.read_bytes())
        except FileNotFoundError:
            self._keep(now)
            return []
        except ValueError:
            kept = None
        first = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
        return [name for name, said in now.items() if first.get(name) != said]

    def _keep(self, prints: Mapping[str, str]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        whole = self.file.with_suffix(f".{os.getpid()}")
        whole.write_text(json.dumps(prints, indent=1), encoding="utf-8")
        whole.replace(self.file)


def _print(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
