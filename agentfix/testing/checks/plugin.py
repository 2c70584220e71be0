"""What every plugin must do alike, whatever it brings."""

from __future__ import annotations

import re
import warnings
from typing import Any, ClassVar
from unittest import SkipTest

from agentfix.errors import AgentFixError, PluginError
from agentfix.lifecycle import Lifecycle
from agentfix.plugins import Part, PluginInfo, Plugins, require_hooks
from agentfix.protocols import Critic, DataSet, SearchEngine, Strategy, TaskKind, Tool, WebEngine
from agentfix.settings import load_settings
from agentfix.testing.checks import afresh
from agentfix.testing.checks.calling import Caller, captured
from agentfix.testing.checks.check import Checks, ConformanceWarning, Fault, check, require
from agentfix.testing.checks.happenings import happen
from agentfix.testing.checks.trial import shortened, tried

NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
IMPORT_S = 0.5
"""A plugin that takes longer to import is felt by every command."""
_PROTOCOLS: dict[Part, tuple[type[Any], ...]] = {
    "tool": (Tool,), "critic": (Critic,), "strategy": (Strategy,), "kind": (TaskKind,),
    "search_engine": (SearchEngine, WebEngine), "dataset": (DataSet,)}
_NAMED: tuple[Part, ...] = ("tool", "critic", "strategy", "kind")
"""Parts that know their own names."""


class PluginConformance(Checks):
    """Subclass it, with a fixture `plugin` that is the plugin meant: a module, or an object with hooks.

    Attributes:
        name: the plugin's.
    """

    name: ClassVar[str] = "plugin"

    @check
    def test_its_hooks_are_known_and_written_right(self, plugin: object) -> None:
        try:
            require_hooks(self.name, plugin)
        except PluginError as error:
            raise Fault(str(error)) from error

    @check
    def test_it_registers_its_parts(self, plugin: object) -> None:
        problem = self._info(self._plugins(plugin)).problem
        require(not problem, problem)

    @check
    def test_it_registers_silently(self, plugin: object) -> None:
        with captured() as printed:
            self._plugins(plugin)
        require(not printed(), f"it printed {shortened(printed())} while it registered its parts: standard output and "
                               "standard error belong to the application")

    @check
    def test_its_parts_have_names_that_can_be_typed(self, plugin: object) -> None:
        for part, name in self._info(self._plugins(plugin)).parts:
            require(NAME.fullmatch(name),
                    f"the name of {part} {name!r} is hard to type: use lower-case words with - or _ between them")

    @check
    def test_its_parts_can_be_made(self, plugin: object) -> None:
        plugins = self._plugins(plugin)
        made = 0
        for part, name in self._info(plugins).parts:
            if part not in _PROTOCOLS:
                continue
            try:
                found: object = plugins.build(part, name)
            except PluginError as error:
                raise Fault(str(error)) from error
            except AgentFixError as error:
                raise SkipTest(f"{part} {name!r} can't be made here: {error}") from error
            made += 1
            if part == "tool" and not isinstance(found, Tool) and callable(getattr(found, "open", None)):
                continue  # a set of tools, which are found when it is opened
            wanted = " or ".join(protocol.__name__ for protocol in _PROTOCOLS[part])
            require(isinstance(found, _PROTOCOLS[part]),
                    f"its factory of {part} {name!r} makes {shortened(found)}, which is no {wanted}")
            if part in _NAMED:
                own: object = getattr(found.spec if isinstance(found, Tool) else found, "name", None)
                require(own == name, f"{part} {name!r} calls itself {own!r}: use one name")
        if not made:
            raise SkipTest("it brings no part that can be made without more")

    @check
    def test_its_hooks_stand_what_happens_in_a_run(self, plugin: object) -> None:
        plugins, said = self._plugins(plugin), list[str]()
        own = [hook for name in _HOOKS for hook in plugins.implementations(name) if hook.plugin == self.name]
        if not own:
            raise SkipTest("it has no hooks that take part in runs")
        lifecycle = Lifecycle(lambda name: [hook for hook in own if hook.name == name], said.append, self.timeout_s)
        trial = tried(Caller(), plugin, lambda: happen(lifecycle), 4 * self.timeout_s)
        trial.require_fine("a hook of it")
        require(not said, " ".join(said))
        require(not trial.outcome.printed,
                f"a hook of it printed {shortened(trial.outcome.printed)}: standard output and standard error belong "
                "to the application")

    @check
    def test_it_is_imported_quickly(self, plugin: object) -> str:
        if not self.target:
            raise SkipTest("it can't be imported anew without `target`")
        cost = afresh.cost(self.target, self.name)
        loads = f", and loads {', '.join(cost.packages[:8])}" if cost.packages else ""
        if cost.seconds > IMPORT_S:
            warnings.warn(f"its import takes {cost.seconds:.1f} s{loads}: import what is heavy where it is first used, "
                          "in a factory or a tool", ConformanceWarning, stacklevel=2)
        return f"it takes {cost.seconds:.2f} s{loads}"

    def _plugins(self, plugin: object) -> Plugins:
        """It, beside agentfix's own."""
        settings = load_settings().model_copy(update={
            "plugins": (), "plugins_dir": None, "enabled_plugins": (), "disabled_plugins": (self.name,)})
        return Plugins(settings, {self.name: plugin})

    def _info(self, plugins: Plugins) -> PluginInfo:
        return next(info for info in plugins.infos() if info.name == self.name and not info.disabled)


_HOOKS = ("agentfix_before_model_call", "agentfix_before_tool_call", "agentfix_after_tool_call", "agentfix_on_event")
