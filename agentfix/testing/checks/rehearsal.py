"""What a tool does while it is checked is watched and goes nowhere: it is called with made-up arguments, and nobody was
asked.

No network is reached, and no file is changed but in a scratch folder and where temporary files are. A tool that
declares programs and no side effects may start them. What it did not declare is a fault; what it declared is stopped
too, and then the call can't succeed, which is not held against it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentfix.errors import ToolError
from agentfix.protocols import ExecResult, Response
from agentfix.testing.context import Page, ScriptedHttp
from agentfix.testing.sandbox import ScriptedSandbox
from agentfix.tools.guard import Guard, UndeclaredError
from agentfix.types import ToolSpec


@dataclass
class Rehearsal(Guard):
    """Stops a tool from having effects, and tells what it declared from what it did not.

    Args:
        spec: nothing is declared in it, so that everything is looked at.
        declared: what the tool really declared.
    """

    declared: Guard = field(default_factory=lambda: Guard(ToolSpec("", "", {})))
    stopped: list[str] = field(default_factory=list[str])
    """What it declared and was kept from."""
    _may: bool = False

    def may_use(self, path: str | Path, *, writes: bool = False) -> bool:
        """Whether a file may be opened: one that was declared may be read only."""
        self._may = self.declared.may_use(path, writes=writes)
        return super().may_use(path, writes=writes) and not (writes and self._is_named(path))

    def _is_named(self, path: str | Path) -> bool:
        """Whether a file is where the tool really keeps things, though anybody may write there."""
        real = Path(os.path.realpath(Path(path).expanduser()))
        is_scratch, is_named = (any(real.is_relative_to(os.path.realpath(Path(place).expanduser())) for place in places)
                                for places in (self.folders, self.declared.spec.paths))
        return is_named and not is_scratch

    def may_reach(self, host: str) -> bool:
        """Whether a host may be reached: none."""
        self._may = self.declared.may_reach(host)
        return False

    def refuse(self, what: str, declare: str) -> None:
        """Stop it, unless it was declared and does no harm. Raises UndeclaredError."""
        spec = self.declared.spec
        said = {"hosts": self._may or (what.startswith("connect") and bool(spec.hosts)), "processes": spec.processes,
                "paths": self._may}.get(declare, False)
        if not said:
            super().refuse(what, declare)
        if what.startswith(("read ", "list ")) or (declare == "processes" and not spec.side_effects):
            return
        self.stopped.append(what)
        raise UndeclaredError(f"while a tool is checked it may not {what}")


def rehearse(spec: ToolSpec, folders: tuple[Path, ...], own: tuple[Path, ...]) -> Rehearsal:
    """What watches one call.

    Args:
        spec: of the tool.
        folders: where it may use files: a scratch folder.
        own: where it may read files: its own package.
    """
    bare = replace(spec, hosts=(), paths=(), processes=False)
    return Rehearsal(bare, folders, own, declared=Guard(spec, folders, own))


class RehearsalHttp(ScriptedHttp):
    """An `Http` that gives one page for every address, and notes hosts that were not declared."""

    def __init__(self, guard: Rehearsal, page: Callable[[str], Page]) -> None:
        super().__init__(page)
        self._guard = guard

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """See `agentfix.Http`."""
        host = urlsplit(url).hostname or ""
        if urlsplit(url).scheme not in ("http", "https") or not host:
            raise ToolError(f"{url[:200]!r} is no address.", status="refused")
        if not self._guard.declared.may_reach(host):
            self._guard.refused.append(f"it tried to reach {host!r}, which it did not declare (hosts)")
            raise ToolError(f"{host!r} was not declared by this tool.", status="refused")
        return await super().request(method, url, **options)


class RehearsalSandbox(ScriptedSandbox):
    """A sandbox in which every program ends well and says nothing."""

    def next(self, code: str) -> ExecResult:
        """What happens to any program."""
        return ExecResult("ok", value="0", exit_code=0, sandbox=self.name)


class RehearsalSecrets:
    """A `Secrets` with a telling key for each name that was declared."""

    def __init__(self, guard: Rehearsal) -> None:
        self._guard = guard

    def get(self, name: str) -> str | None:
        """See `agentfix.Secrets`."""
        if name not in self._guard.declared.spec.secrets:
            self._guard.refused.append(f"it asked for the key {name!r}, which it did not declare (secrets)")
            raise ToolError(f"The key {name!r} was not declared by this tool.", status="refused")
        return secret_of(name)

    def require(self, name: str) -> str:
        """See `agentfix.Secrets`."""
        self.get(name)
        return secret_of(name)


def secret_of(name: str) -> str:
    """The key that stands for a secret: it must turn up nowhere."""
    return f"check-secret-{name}-7f3a9c"
