"""Finds plugins, asks them for their parts, and builds parts by name.

No globals: each `Plugins` has a plugin manager and registries of its own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

import pluggy

from agentfix.errors import AgentFixError, DuplicateNameError, PluginError, PluginLoadError, UnknownNameError
from agentfix.hookspecs import PROJECT, Build, Hooks, Implementation
from agentfix.plugins.bounded import HungError, bounded
from agentfix.plugins.contract import described, require_contract
from agentfix.plugins.discovery import Found, Origin, discover
from agentfix.protocols import Tool
from agentfix.settings import Settings

Part: TypeAlias = Literal["model", "tool", "critic", "strategy", "kind", "sandbox", "search_engine", "dataset",
                        "command", "slash_command"]

_HOOK_OF: Mapping[Part, str] = {
    "model": "agentfix_register_models",
    "tool": "agentfix_register_tools",
    "critic": "agentfix_register_critics",
    "strategy": "agentfix_register_strategies",
    "kind": "agentfix_register_kinds",
    "sandbox": "agentfix_register_sandboxes",
    "search_engine": "agentfix_register_search_engines",
    "dataset": "agentfix_register_datasets",
    "command": "agentfix_register_commands",
    "slash_command": "agentfix_register_slash_commands",
}
_LISTED_BY: Mapping[Part, str] = {
    "tool": "agentfix tools", "critic": "agentfix critics", "strategy": "agentfix strategies",
    "kind": "agentfix kinds", "dataset": "agentfix datasets list",
}
_FACTORY_HINT = ("A factory is called with one argument, an agentfix.Build (its settings, and what follows the colon): "
                 "register for example lambda build: Thing().")

T = TypeVar("T")
_LONG: frozenset[Part] = frozenset({"model", "dataset"})
"""Parts that may rightly take long to make."""
_MAKING_TIMES = 6
"""How many times the limit making a part may take: heavy packages are imported then."""
_HUNG_HINT = "Mend it, give it more time with plugin_timeout_s, or name it in disabled_plugins in agentfix.toml."


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
    """The module, file or object that it is."""
    parts: tuple[tuple[Part, str], ...] = ()
    problem: str = ""
    """What is wrong with it."""
    origin: Origin = "given"
    package: str = ""
    """What was installed, with its version."""
    disabled: str = ""
    """Why it is left out though nothing may be wrong with it."""
    about: str = ""
    """The first line of its docstring."""


@dataclass
class Plugins:
    """All plugins and their parts.

    Args:
        settings: given to factories; they say which plugins there are besides the installed ones (`plugins`,
            `plugins_dir`), and which are left out (`disabled_plugins`, `enabled_plugins`).
        extra: more plugins by name, as objects or modules; for tests and embedding apps.
        installed: whether installed packages are asked too.

    Raises:
        ConfigError: the settings name a plugin that there is not.
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
        for found in discover(self.settings, installed=self.installed):
            if why := _left_out(found, self.settings):
                self._infos.append(PluginInfo(found.name, found.source, origin=found.origin, package=found.package,
                                              disabled=why))
            else:
                self._add(found)
        for name, plugin in self.extra.items():
            source = getattr(plugin, "__name__", type(plugin).__name__)
            self._add(Found(name, source, "given", lambda plugin=plugin: plugin))

    def build(self, part: Part, name: str, argument: str = "") -> Any:
        """Make the part of that name.

        Raises:
            UnknownNameError: there is none.
            PluginError: its factory failed, or has not ended in time.
        """
        entry = self.find(part, name)
        used = self._used(entry.plugin)
        limit_s = None if used is None or part in _LONG else self._limit_s(used.origin)
        build = Build(self.settings, argument, self.build)
        try:
            if limit_s is None:
                return entry.factory(build)
            return bounded(lambda: entry.factory(build), _MAKING_TIMES * limit_s)
        except (AgentFixError, KeyboardInterrupt):
            raise
        except HungError as error:
            raise PluginError(entry.plugin, f"making {part} {name!r} {error}.", _HUNG_HINT) from None
        except BaseException as error:
            hint = "" if _takes_a_build(entry.factory) else _FACTORY_HINT
            raise PluginError(entry.plugin, f"making {part} {name!r} failed: {described(error)}.", hint) from error

    def find(self, part: Part, name: str) -> Registered:
        """What is registered under a name, without making it.

        Raises:
            UnknownNameError: there is nothing.
        """
        registry = self._registries[part]
        if name not in registry:
            raise UnknownNameError(part.replace("_", " "), name, registry, listed_by=_LISTED_BY.get(part, ""))
        return registry[name]

    def names(self, part: Part) -> tuple[Registered, ...]:
        """What is registered for a sort of part, by name."""
        return tuple(self._registries[part][name] for name in sorted(self._registries[part]))

    def infos(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, those that are broken or left out included."""
        return tuple(self._infos)

    def problems(self) -> tuple[PluginInfo, ...]:
        """The plugins that are broken, and how."""
        return tuple(info for info in self._infos if info.problem)

    def implementations(self, hook: str) -> list[Implementation]:
        """The plugins' functions for a lifecycle hook, in the order in which they are asked."""
        found = getattr(self._manager.hook, hook).get_hookimpls()
        return [Implementation(i.plugin_name, hook, i.function, tuple(i.argnames)) for i in reversed(found)]

    def _add(self, found: Found) -> None:
        """Load one plugin and take its parts; a broken one is noted and left out."""
        taken: list[Registered] = []
        parts: list[tuple[Part, str]] = []
        try:
            if (other := self._used(found.name)) is not None:
                raise DuplicateNameError(found.name, f"{found.source} is not used, because {other.source} has that "
                                                     "name already.", "Rename or remove one of them.")
            plugin = self._load(found)
            for part, hook_name in _HOOK_OF.items():
                entries = self._ask(found, plugin, part, hook_name)
                taken += entries
                parts.extend((part, entry.name) for entry in entries)
        except PluginError as error:
            if self._manager.has_plugin(found.name) and self._used(found.name) is None:
                self._manager.unregister(name=found.name)
            self._infos.append(PluginInfo(found.name, found.source, (), str(error), found.origin, found.package))
            return
        for (part, _), entry in zip(parts, taken, strict=True):
            self._registries[part][entry.name] = entry
        about = _first_line(str(getattr(plugin, "__doc__", None) or "").strip())
        self._infos.append(PluginInfo(found.name, found.source, tuple(parts), "", found.origin, found.package,
                                      about=about))

    def _used(self, name: str) -> PluginInfo | None:
        return next((info for info in self._infos if info.name == name and not info.disabled), None)

    def _load(self, found: Found) -> object:
        try:
            plugin = self._run(found, found.load)
            if (known := self._manager.get_name(plugin)) is not None:
                raise DuplicateNameError(found.name, f"{found.source} is plugin {known!r} already.",
                                         "Name it once.")
        except (DuplicateNameError, KeyboardInterrupt):
            raise
        except HungError as error:
            raise PluginLoadError(found.name, f"its import {error}.", _HUNG_HINT) from None
        except BaseException as error:
            raise PluginLoadError(found.name, f"can't be imported: {described(error)}.") from error
        try:
            self._run(found, lambda: require_contract(found.name, plugin, self._manager))
            self._manager.register(plugin, found.name)
            if found.origin != "given" and not self._manager.get_hookcallers(plugin):
                self._manager.unregister(name=found.name)
                raise PluginError(found.name, "it has no hooks, so it would do nothing.", _hookless_hint(found.origin))
        except (PluginError, KeyboardInterrupt):
            raise
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(found.name, f"{' '.join(str(error).split())}.") from error
        except BaseException as error:
            raise PluginError(found.name, f"its attributes can't be read: {described(error)}.") from error
        return plugin

    def _ask(self, found: Found, plugin: object, part: Part, hook_name: str) -> list[Registered]:
        """Call one registration hook of one plugin."""
        name, entries, is_over = found.name, dict[str, Registered](), False

        def register(part_name: Any, factory: Callable[[Build], Any] | None = None, description: str = "") -> None:
            if isinstance(part_name, Tool):
                tool = part_name
                part_name, factory, description = tool.spec.name, lambda _: tool, _first_line(tool.spec.description)
            if is_over:
                raise PluginError(name, f"{part} {part_name!r} is registered too late: {hook_name} is over.",
                                  "Register it while that hook is called.")
            if not isinstance(part_name, str) or not part_name.isprintable() or not part_name.strip():
                raise PluginError(name, f"{hook_name} registers the name {part_name!r}.",
                                  "Use lower-case words with - or _ between them.")
            other = self._registries[part].get(part_name) or entries.get(part_name)
            if other is not None:
                raise DuplicateNameError(
                    name, f"{part} {part_name!r} is registered by plugin {other.plugin!r} already.",
                    "Disable one of them with disabled_plugins in agentfix.toml.")
            if not callable(factory):
                raise PluginError(name, f"{part} {part_name!r} is registered without a factory.")
            entries[part_name] = Registered(part_name, name, str(description), factory)

        caller = self._manager.subset_hook_caller(hook_name, _others(self._manager, plugin))
        try:
            self._run(found, lambda: [_finish(returned) for returned in caller(register=register)])
        except (PluginError, KeyboardInterrupt):
            raise
        except HungError as error:
            raise PluginError(name, f"{hook_name} {error}.", _HUNG_HINT) from None
        except BaseException as error:
            raise PluginError(name, f"{hook_name} failed: {described(error)}.") from error
        finally:
            is_over = True
        return list(entries.values())

    def _run(self, found: Found, function: Callable[[], T]) -> T:
        """Run code of a plugin."""
        limit_s = self._limit_s(found.origin)
        return function() if limit_s is None else bounded(function, limit_s)

    def _limit_s(self, origin: Origin) -> float | None:
        """A stranger's code has a limit; what comes with agentfix or the program needs none."""
        return None if origin in ("first-party", "given") else self.settings.plugin_timeout_s


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _hookless_hint(origin: Origin) -> str:
    more = ", or begin its name with _ if other plugins import it" if origin == "project" else ""
    return f"Write functions such as agentfix_register_tools, with @agentfix.hookimpl above{more}."


def _others(manager: pluggy.PluginManager, plugin: object) -> Iterable[object]:
    return [other for other in manager.get_plugins() if other is not plugin]


def require_hooks(name: str, plugin: object) -> None:
    """Check a plugin's hooks, and for which version of the API it is written, without using it.

    Args:
        name: of the plugin.
        plugin: a module or an object.

    Raises:
        PluginError: it could not be used.
    """
    require_contract(name, plugin, pluggy.PluginManager(PROJECT))


def _left_out(found: Found, settings: Settings) -> str:
    """Why a plugin is not wanted; empty when it is."""
    if found.name in settings.disabled_plugins:
        return "disabled_plugins names it"
    listed = settings.enabled_plugins is None or found.name in settings.enabled_plugins
    return "" if listed or found.origin in ("first-party", "named") else "enabled_plugins does not name it"


def _finish(returned: Any) -> None:
    """Wait for what an async hook does. A loop may be running here, so it gets one of its own elsewhere."""
    if inspect.iscoroutine(returned):
        bounded(lambda: asyncio.run(returned), None)


def _takes_a_build(factory: Callable[..., Any]) -> bool:
    """Whether a factory can be called as factories are; True as well where Python can't say."""
    try:
        inspect.signature(factory).bind(None)
    except TypeError:
        return False
    except ValueError:  # builtins have no signature
        return True
    return True
