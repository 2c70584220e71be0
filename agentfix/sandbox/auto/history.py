"""What the cells of a session did, so that it can be done again in another sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix.errors import SandboxFileError
from agentfix.protocols import ExecResult, Session
from agentfix.sandbox.auto.programs import Program

CHANCE = frozenset(f"module {name!r}" for name in ("datetime", "random", "time"))
"""With these a cell may do something else when it is run again."""


@dataclass(frozen=True, slots=True)
class _Step:
    files: dict[str, bytes]
    """What was put before the cell."""
    cell: Program
    told: tuple[str, str, str | None]


@dataclass
class History:
    """Keeps cells and files, in order.

    Attributes:
        barred: why it can't be done again; empty when it can.
    """

    barred: str = ""
    _steps: list[_Step] = field(default_factory=list[_Step])
    _files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def put(self, path: str, data: bytes) -> None:
        """A file was put."""
        if not self.barred:
            self._files[path] = data

    def ran(self, cell: Program, result: ExecResult) -> None:
        """A cell was run. One that was undone counts for nothing, except for what can't be undone."""
        undone = result.state in ("rolled_back", "lost")
        if cell.called:
            self.barred = "earlier cells called functions of the host, which are not called twice"
        elif undone and result.artefacts:
            self.barred = "an earlier cell that was undone had written files"
        if self.barred:
            self._steps, self._files = [], {}
        elif not undone:
            again = Program(cell.code, cell.limits, cell.want, stateful=True)
            self._steps.append(_Step(self._files, again, _told(result)))
            self._files = {}

    async def repeat(self, session: Session) -> str:
        """Do all of it again, in a session where nothing was done yet.

        Returns:
            Why that is not possible; empty when it was done.
        """
        try:
            for step in self._steps:
                await _put(session, step.files)
                if _told(await step.cell.run(session)) != step.told:
                    return "the earlier cells did not do the same there"
            await _put(session, self._files)
        except SandboxFileError as error:
            return str(error)
        return ""


def _told(result: ExecResult) -> tuple[str, str, str | None]:
    return result.status, result.stdout, result.value


async def _put(session: Session, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        await session.put(path, data)
