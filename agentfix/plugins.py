"""Finds plugins, asks them for their parts, and builds parts by name.

No globals: each `Plugins` has a plugin manager and registries of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

import pluggy

from agentfix.errors import AgentFixError, DuplicateNameError, PluginError, PluginLoadError, UnknownNameError
from agentfix.hookspecs import PROJECT, Build, Hooks, Implementation
from agentfix.protocols import Tool
from agentfix.settings import Settings

Part: TypeAlias = Literal["model", "tool", "critic", "strategy", "kind", "sandbox", "search_engine", "command"]

_HOOK_OF: Mapping[Part, str] = {
    "model": "agentfix_register_models",
    "tool": "agentfix_register_tools",
    "critic": "agentfix_register_critics",
    "strategy": "agentfix_register_strategies",
    "kind": "agentfix_register_kinds",
    "sandbox": "agentfix_register_sandboxes",
    "search_engine": "agentfix_register_search_engines",
    "command": "agentfix_register_commands",
}


@dataclass(frozen=True, slots=True)
class Registered:
    """A name in a registry."""

    name: str
    plugin: str
    description: str
    factory: Callable[[Build], Any]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as found: its parts, or why it is not used."""

    name: str
    source: str
    """The module or object it came from."""
    parts: tuple[tuple[Part, str], ...] = ()
    problem: str = ""


@dataclass
class Plugins:
    """All plugins and their parts.

    Args:
        settings: given to factories; `disabled_plugins` are left out.
        extra: more plugins by name, as objects or modules; for tests and embedding apps.
        installed: whether installed packages are asked too.
    """

    settings: Settings
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    installed: bool = True
    _registries: dict[Part, dict[str, Registered]] = field(init=False)
    _infos: list[PluginInfo] = field(default_factory=list[PluginInfo], init=False)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._registries = {part: {} for part in _HOOK_OF}
        found: list[EntryPoint] = sorted(entry_points(group=PROJECT), key=lambda e: e.name) if self.installed else []
        for point in found:
            if point.name not in self.settings.disabled_plugins:
                self._add(point.name, point.value, point.load)
        for name, plugin in self.extra.items():
            self._add(name, getattr(plugin, "__name__", type(plugin).__name__), lambda plugin=plugin: plugin)

    def build(self, part: Part, name: str, argument: str = "") -> Any:
        """Make the part of that name.

        Raises:
            UnknownNameError: there is none.
            PluginError: its factory failed.
        """
        entry = self.find(part, name)
        try:
            return entry.factory(Build(self.settings, argument))
        except AgentFixError:
            raise
        except Exception as error:
            raise PluginError(entry.plugin, f"making {part} {name!r} failed: {error!r}.") from error

    def find(self, part: Part, name: str) -> Registered:
        """What is registered under a name, without making it.

        Raises:
            UnknownNameError: there is nothing.
        """
        registry = self._registries[part]
        if name not in registry:
            raise UnknownNameError(part.replace("_", " "), name, registry)
        return registry[name]

    def names(self, part: Part) -> tuple[Registered, ...]:
        """What is registered for a sort of part, by name."""
        return tuple(self._registries[part][name] for name in sorted(self._registries[part]))

    def infos(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, broken ones included."""
        return tuple(self._infos)

    def problems(self) -> tuple[PluginInfo, ...]:
        """The plugins that are not used, and why."""
        return tuple(info for info in self._infos if info.problem)

    def implementations(self, hook: str) -> list[Implementation]:
        """The plugins' functions for a lifecycle hook, in the order in which they are asked."""
        found = getattr(self._manager.hook, hook).get_hookimpls()
        return [Implementation(i.plugin_name, hook, i.function, tuple(i.argnames)) for i in reversed(found)]

    def _add(self, name: str, source: str, load: Callable[[], object]) -> None:
        """Load one plugin and take its parts; a broken one is noted and left out."""
        taken: list[Registered] = []
        parts: list[tuple[Part, str]] = []
        try:
            plugin = self._load(name, load)
            for part, hook_name in _HOOK_OF.items():
                entries = self._ask(name, plugin, part, hook_name)
                taken += entries
                parts.extend((part, entry.name) for entry in entries)
        except PluginError as error:
            self._infos.append(PluginInfo(name, source, problem=error.message))
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            return
        for (part, _), entry in zip(parts, taken, strict=True):
            self._registries[part][entry.name] = entry
        self._infos.append(PluginInfo(name, source, tuple(parts)))

    def _load(self, name: str, load: Callable[[], object]) -> object:
        try:
            plugin = load()
        except Exception as error:
            raise PluginLoadError(name, f"can't be imported: {error!r}.") from error
        try:
            self._manager.register(plugin, name)
            _reject_unknown_hooks(name, self._manager)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(name, f"{error}.") from error
        return plugin

    def _ask(self, name: str, plugin: object, part: Part, hook_name: str) -> list[Registered]:
        """Call one registration hook of one plugin."""
        entries: dict[str, Registered] = {}

        def register(part_name: Any, factory: Callable[[Build], Any] | None = None, description: str = "") -> None:
            if isinstance(part_name, Tool):
                tool = part_name
                part_name, factory, description = tool.spec.name, lambda _: tool, _first_line(tool.spec.description)
            other = self._registries[part].get(part_name) or entries.get(part_name)
            if other is not None:
                raise DuplicateNameError(
                    name, f"{part} {part_name!r} is registered by plugin {other.plugin!r} already.",
                    "Disable one of them with disabled_plugins in agentfix.toml.")
            if not callable(factory):
                raise PluginError(name, f"{part} {part_name!r} is registered without a factory.")
            entries[part_name] = Registered(part_name, name, description, factory)

        caller = self._manager.subset_hook_caller(hook_name, _others(self._manager, plugin))
        try:
            caller(register=register)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(name, f"{hook_name} failed: {error!r}.") from error
        return list(entries.values())


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _others(manager: pluggy.PluginManager, plugin: object) -> Iterable[object]:
    return [other for other in manager.get_plugins() if other is not plugin]


def _reject_unknown_hooks(name: str, manager: pluggy.PluginManager) -> None:
    """A misspelt hook would silently do nothing."""
    known = {hook for hook in dir(Hooks) if hook.startswith(PROJECT)}
    plugin = manager.get_plugin(name)
    for attribute in dir(plugin):
        if attribute.startswith(f"{PROJECT}_") and callable(getattr(plugin, attribute)) and attribute not in known:
            unknown = UnknownNameError("hook", attribute, known)
            raise PluginError(name, f"implements {attribute!r}, which is not a hook. {unknown.hint}")
