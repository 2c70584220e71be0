"""The hooks a plugin may implement. A plugin is a module (or object) named in the entry-point group `agentfix`.

Registration hooks are called once, when an Agent or a command first needs parts. `register(name, factory, description)`
takes a factory, not a part, so that nothing heavy is imported before a name is used. An exception in a hook disables
that plugin and is reported with its name; the others go on.

Lifecycle hooks are called while runs are under way. Each says in its docstring when, how often and in what order it is
called, what it may return, and what an exception does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, overload

import pluggy

from agentfix.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from agentfix.protocols import Tool
    from agentfix.settings import Settings
    from agentfix.types import Event, Observation, PendingModelCall, PendingToolCall

PROJECT = "agentfix"
API_VERSION = 1
"""What a plugin may say that it is written for: `agentfix_api = 1`. It grows when a plugin must be changed to go on
working."""
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def _no_part(part: str, name: str) -> Any:
    raise UnknownNameError(part, name, ())


@dataclass(frozen=True, slots=True)
class Build:
    """What a factory is given."""

    settings: Settings
    argument: str = ""
    """What follows the colon in a name: `qwen2.5-coder-1.5b` of `llamacpp:qwen2.5-coder-1.5b`, 8 of `best-of-n:8`."""
    part: Callable[..., Any] = _no_part
    """Makes a part that this one is made of, by its sort and name, whichever plugin it comes from. Raises
    UnknownNameError when there is none."""

    def require_no_argument(self, name: str) -> None:
        """For a factory whose part takes none. Raises UsageError when there is an argument.

        Args:
            name: of the part.
        """
        if self.argument:
            raise UsageError(f"{name!r} takes no argument; it was given {self.argument!r}.", f"Write {name}.")


class Register(Protocol):
    """Adds a part under a name (kebab-case). A name that is taken is an error that names both plugins.

    `register(name, factory, description)`, or `register(tool)` for a tool made with `agentfix.tool`, which knows its
    own name.
    """

    @overload
    def __call__(self, name: Tool, /) -> None: ...
    @overload
    def __call__(self, name: str, factory: Callable[[Build], Any], description: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Implementation:
    """A plugin's function for a hook."""

    plugin: str
    name: str
    """The hook's."""
    function: Callable[..., Any]
    wanted: tuple[str, ...]
    """The arguments that it takes."""

    def call(self, **given: Any) -> Any:
        """Call it with those of the arguments that it takes."""
        return self.function(**{name: given[name] for name in self.wanted})


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
        """Register search engines: for the user's data (`agentfix.SearchEngine`) or the web (`agentfix.WebEngine`)."""

    @hookspec
    def agentfix_register_datasets(self, register: Register) -> None:
        """Register data sets (`agentfix.DataSet`) that `agentfix eval` reads: files whose stem is the name, and any
        with `--format NAME`."""

    @hookspec
    def agentfix_register_commands(self, register: Register) -> None:
        """Register subcommands of `agentfix`: factories of click commands. agentfix's own commands come first: one of
        the same name is never reached."""

    @hookspec
    def agentfix_register_slash_commands(self, register: Register) -> None:
        """Register commands of `agentfix repl` (`agentfix.SlashCommand`): `/NAME` and what follows it, with the
        description as its help. agentfix's own commands come first: one of the same name is never reached."""

    @hookspec
    def agentfix_before_model_call(self, call: PendingModelCall) -> Any:
        """Look at a model call, change it, or forbid it.

        Called once for each call that is really made, after the budget allows it; not for a reply that the journal
        has. May be sync or async. Plugins are asked in pluggy's order (`tryfirst`, then the latest registered), and
        each sees what the one before it made of the call.

        Returns:
            None, a `ModelRequest` to send instead, or `Deny`, which ends the run with what it has so far.

        An exception, or more than 10 seconds, is reported once with the plugin's name; the call is made as if the
        plugin had not been asked, and it is not asked again in this run.
        """

    @hookspec
    def agentfix_before_tool_call(self, call: PendingToolCall) -> Any:
        """Look at a tool call, change its arguments, forbid it, or have a person asked.

        Called once for each call that is really made, when its arguments are known to fit the tool's schema, before the
        policy of approvals is consulted; not for an observation that the journal has. May be sync or async. The order
        is as for `agentfix_before_model_call`; the first `Deny` ends it.

        Returns:
            None, `Replace` with other arguments, `AskPerson`, or `Deny`.

        An exception, or more than 10 seconds, is reported with the plugin's name. A tool without side effects is then
        run as if the plugin had not been asked; one with side effects is refused: a guard that fails opens no gate.
        """

    @hookspec
    def agentfix_after_tool_call(self, call: PendingToolCall, observation: Observation) -> Any:
        """See what a tool said before anyone else does, and change it, such as to strike out what nobody should read.

        Called once for each call that was really made, whatever its status, before the observation is journalled. May
        be sync or async. The order is as for `agentfix_before_model_call`.

        Returns:
            None, or an `Observation` to use instead.

        An exception, or more than 10 seconds, is reported once with the plugin's name; the observation is used as it
        is, and the plugin is not asked again in this run.
        """

    @hookspec
    def agentfix_on_event(self, event: Event) -> Any:
        """Observe every event of every run, in order, after it happened. Can't change anything.

        A sync hook is called in the event loop and must not block. An async one is called for one event after the
        other, while the run goes on; the run's end waits up to 10 seconds for it.

        An exception is reported with the plugin's name, and that plugin sees no more events.
        """
