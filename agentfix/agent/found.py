"""Tools that are found by opening what holds them, such as a server: for runs of kinds that act.

What was found belongs to a run: models are told of it, so a run that is taken up again or replayed has the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from agentfix.errors import AgentFixError, JournalError, ToolError
from agentfix.protocols import Tool, ToolContext, Tools
from agentfix.types import Observation, ToolSpec

_SPECS = TypeAdapter(list[ToolSpec])
Notice = Callable[[str], None]


def specs_in(header: Mapping[str, Any] | None) -> list[ToolSpec]:
    """The tools that were found for a run, as its header has them.

    Raises:
        JournalError: they are damaged.
    """
    try:
        return _SPECS.validate_python((header or {}).get("tools", []))
    except ValueError as error:
        raise JournalError(f"The tools of a run are damaged in its header: {error}.", "Begin it anew.") from error


async def find(holders: Mapping[str, Tools], taken: Mapping[str, Tool], notice: Notice) -> dict[str, Tool]:
    """Open what holds tools, and take its tools by their names. What can't be had is named and left out.

    Args:
        holders: by the name they are registered under.
        taken: tools whose names are taken already.
        notice: told what is left out.
    """
    found: dict[str, Tool] = {}
    for holder_name, holder in holders.items():
        for tool in await _opened(holder_name, holder, notice):
            name = tool.spec.name
            if name in found or name in taken:
                notice(f"The tool {name!r} of {holder_name!r} is left out: there is another of that name.")
            else:
                found[name] = tool
    return found


async def _opened(name: str, holder: Tools, notice: Notice) -> Sequence[Tool]:
    try:
        return await holder.open(notice)
    except (AgentFixError, ToolError) as error:
        notice(f"The tools of {name!r} can't be used: {error}")
    except Exception as error:  # noqa: BLE001 - what holds tools is a plugin and may raise anything; it is named
        notice(f"The tools of {name!r} can't be used: opening them raised {error!r}.")
    return []


def as_before(specs: Sequence[ToolSpec], now: Mapping[str, Tool]) -> dict[str, Tool]:
    """The tools that a run had when it began, so that models are told the same as then.

    Args:
        specs: of that time.
        now: what is found today.
    """
    return {spec.name: _as_before(spec, now.get(spec.name)) for spec in specs}


def _as_before(spec: ToolSpec, tool: Tool | None) -> Tool:
    if tool is None:
        return _Lost(spec)
    if (tool.spec.description, tool.spec.parameters) == (spec.description, spec.parameters):
        return tool
    return _Redescribed(tool, spec)


class _Lost:
    """Stands for a tool that is not there any more."""

    def __init__(self, spec: ToolSpec) -> None:
        self.spec = spec

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        raise ToolError(f"{self.spec.name!r} is not there any more.", status="unavailable")


class _Redescribed:
    """A tool that was described to the run in another way than today. It may do what it may today."""

    def __init__(self, tool: Tool, spec: ToolSpec) -> None:
        self._tool = tool
        self.spec = replace(tool.spec, description=spec.description, parameters=spec.parameters, verifies=False,
                            undoes=False, foreign=tool.spec.foreign or spec.foreign)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        return await self._tool.run(arguments, context)
