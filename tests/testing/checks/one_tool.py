"""A plugin of one tool."""

from __future__ import annotations

from agentfix import Register, hookimpl, tool


@tool(deterministic=True)
def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register(shout)
