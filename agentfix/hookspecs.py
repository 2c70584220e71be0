"""The hooks a plugin may implement. A plugin is a module (or object) named in the entry-point group `agentfix`.

Registration hooks are called once, when an Agent or a command first needs parts. `register(name, factory, description)`
takes a factory, not a part, so that nothing heavy is imported before a name is used. An exception in a hook disables
that plugin and is reported with its name; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, overload

import pluggy

if TYPE_CHECKING:
    from agentfix.protocols import Tool
    from agentfix.settings import Settings
    from agentfix.types import Event

PROJECT = "agentfix"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Build:
    """What a factory is given."""

    settings: Settings
    argument: str = ""
    """For models, what follows the colon: `qwen2.5-coder-1.5b` of `llamacpp:qwen2.5-coder-1.5b`."""


class Register(Protocol):
    """Adds a part under a name (kebab-case). A name that is taken is an error that names both plugins.

    `register(name, factory, description)`, or `register(tool)` for a tool made with `agentfix.tool`, which knows its
    own name.
    """

    @overload
    def __call__(self, name: Tool, /) -> None: ...
    @overload
    def __call__(self, name: str, factory: Callable[[Build], Any], description: str = "") -> None: ...


class Hooks:
    """The hook specifications."""

    @hookspec
    def agentfix_register_models(self, register: Register) -> None:
        """Register model backends (`agentfix.Model`) under the word before the colon of `--model`."""

    @hookspec
    def agentfix_register_tools(self, register: Register) -> None:
        """Register tools (`agentfix.Tool`)."""

    @hookspec
    def agentfix_register_critics(self, register: Register) -> None:
        """Register critics (`agentfix.Critic`)."""

    @hookspec
    def agentfix_register_strategies(self, register: Register) -> None:
        """Register strategies (`agentfix.Strategy`)."""

    @hookspec
    def agentfix_register_kinds(self, register: Register) -> None:
        """Register task kinds (`agentfix.TaskKind`)."""

    @hookspec
    def agentfix_register_sandboxes(self, register: Register) -> None:
        """Register sandboxes (`agentfix.Sandbox`)."""

    @hookspec
    def agentfix_register_search_engines(self, register: Register) -> None:
        """Register search engines (`agentfix.SearchEngine`)."""

    @hookspec
    def agentfix_register_commands(self, register: Register) -> None:
        """Register subcommands of `agentfix`: factories of click commands. agentfix's own commands come first: one of
        the same name is never reached."""

    @hookspec
    def agentfix_on_event(self, event: Event) -> None:
        """Observe every event of every run, in order, after it happened. Must not block; can't change anything."""
