"""Plugins: how they are found, held to their contract, and asked for their parts."""

from agentfix.plugins.discovery import Found, Origin, find
from agentfix.plugins.registry import Part, PluginInfo, Plugins, Registered, require_hooks

__all__ = ["Found", "Origin", "Part", "PluginInfo", "Plugins", "Registered", "find", "require_hooks"]
