"""Plugins: how they are found, held to their contract, and asked for their parts."""

from agentfix.plugins.discovery import Found, Origin
from agentfix.plugins.registry import Part, PluginInfo, Plugins, Registered

__all__ = ["Found", "Origin", "Part", "PluginInfo", "Plugins", "Registered"]
