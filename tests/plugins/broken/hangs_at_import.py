"""It waits for something that never comes before it says what it has."""

import threading

from agentfix import hookimpl, tool

threading.Event().wait()


@tool
def count(text: str) -> int:
    """Count words."""
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
