"""What is checked: the plugins that a target names, beside agentfix's own and no others."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix.plugins import Found, PluginInfo, Plugins, find
from agentfix.settings import load_settings


@dataclass(frozen=True, slots=True)
class Target:
    """A target's plugins.

    Args:
        plugins: they, and agentfix's own.
        names: theirs.
    """

    plugins: Plugins
    names: tuple[str, ...]

    def info(self, name: str) -> PluginInfo:
        """What is known of one of them."""
        return next(info for info in self.plugins.infos() if info.name == name and not info.disabled)


def found_at(target: str) -> list[Found]:
    """The plugins that a target names, not loaded yet.

    Raises:
        ConfigError: there is no such plugin.
    """
    return find(target)


def load_target(target: str) -> Target:
    """Load a target's plugins.

    Raises:
        ConfigError: there is no such plugin.
    """
    found = find(target)
    is_named = any(each.origin == "named" for each in found)
    settings = load_settings().model_copy(update={
        "plugins": (target,) if is_named else (), "plugins_dir": None, "disabled_plugins": (),
        "enabled_plugins": () if is_named else tuple(each.name for each in found)})
    return Target(Plugins(settings), tuple(each.name for each in found))
