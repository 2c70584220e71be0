"""What every plugin is held to before it is used: the API's version, and hooks that are spelt and written right."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pluggy

from agentfix.errors import PluginError, UnknownNameError
from agentfix.hookspecs import API_VERSION, PROJECT, Hooks
from agentfix.places import place_of_error

HOOKS = tuple(name for name in dir(Hooks) if name.startswith(f"{PROJECT}_"))
REGISTRATION = f"{PROJECT}_register_"


def require_contract(name: str, plugin: object, manager: pluggy.PluginManager) -> None:
    """Check a plugin that was loaded.

    Args:
        name: of the plugin.
        plugin: a module or an object.
        manager: knows how hooks are marked.

    Raises:
        PluginError: it needs another agentfix, or a hook of it would not do what it is meant to.
    """
    _require_version(name, getattr(plugin, "agentfix_api", API_VERSION))
    for attribute in dir(plugin):
        function = getattr(plugin, attribute, None)
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            _require_hook(name, options.get("specname") or attribute, function)
        elif attribute.startswith(f"{PROJECT}_") and inspect.isroutine(function):
            _require_known(name, attribute)
            raise PluginError(name, f"{attribute} is not marked as a hook.", "Decorate it with @agentfix.hookimpl.")


def described(error: BaseException) -> str:
    """What a plugin raised, and where, on one line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name} line {error.lineno}: {type(error).__name__}: {error.msg}"
    said = " ".join(repr(error).split())[:300]
    place = place_of_error(error)
    return f"{said} at {place}" if place else said


def _require_version(name: str, wanted: object) -> None:
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise PluginError(name, f"agentfix_api is {wanted!r}.", f"Write agentfix_api = {API_VERSION}.")
    if wanted != API_VERSION:
        which = "newer" if wanted > API_VERSION else "older"
        raise PluginError(name, f"it is written for version {wanted} of the plugin API, and this agentfix has version "
                                f"{API_VERSION}.", f"Install a {which} agentfix, or another version of the plugin.")


def _require_known(name: str, hook: str) -> None:
    if hook not in HOOKS:
        unknown = UnknownNameError("hook", hook, HOOKS)
        raise PluginError(name, f"implements {hook!r}, which is not a hook.", unknown.hint)


def _require_hook(name: str, hook: str, function: Any) -> None:
    """Pluggy gives a hook the arguments that it names, and quietly none to one that names none."""
    _require_known(name, hook)
    given = [argument for argument in inspect.signature(getattr(Hooks, hook)).parameters if argument != "self"]
    parameters = inspect.signature(function).parameters.values()
    wrong = next((p for p in parameters if p.default is p.empty and (
        (p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in given) or p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_ONLY))),
        None)
    taken = [p.name for p in parameters]
    if wrong is not None or (hook.startswith(REGISTRATION) and "register" not in taken):
        fault = f"takes {wrong.name!r}" if wrong is not None else "takes no 'register'"
        raise PluginError(name, f"{hook} {fault}.", f"Write: def {hook}({', '.join(given)}).")
