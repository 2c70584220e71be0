"""The tools of one run, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from agentfix.protocols import Tool
from agentfix.types import ToolSpec


class Toolbox(Mapping[str, Tool]):
    """Tools by name, each made when it is first asked for: most runs use few of those that there are.

    Args:
        tools: by name, in the order in which models are told of them: a tool, or what an agent has learnt of one when
            it made it for an earlier run.
        make: makes such a one; None where that fails, which it has told. Then the tool is not there.
    """

    def __init__(self, tools: Mapping[str, Tool | ToolSpec], make: Callable[[str], Tool | None]) -> None:
        self._tools = dict(tools)
        self._make = make

    def __getitem__(self, name: str) -> Tool:
        tool = self._tools[name]
        if not isinstance(tool, ToolSpec):
            return tool
        made = self._make(name)
        if made is None:
            del self._tools[name]
            raise KeyError(name)
        self._tools[name] = made
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[str]:
        return iter([*self._tools])

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def specs(self) -> Mapping[str, ToolSpec]:
        """What the tools say of themselves, without making any."""
        return {name: tool if isinstance(tool, ToolSpec) else tool.spec for name, tool in self._tools.items()}

    def specs_of(self, names: Iterable[str]) -> tuple[ToolSpec, ...]:
        """What some of the tools say of themselves in this run; one that can't be made is left out."""
        return tuple(tool.spec for name in names if (tool := self.get(name)) is not None)

    def made(self) -> Mapping[str, Tool]:
        """The tools that were made."""
        return {name: tool for name, tool in self._tools.items() if not isinstance(tool, ToolSpec)}

    def behind(self, tools: Mapping[str, Tool]) -> Toolbox:
        """These tools after others; of equal names, these."""
        return Toolbox({**tools, **self._tools}, self._make)
