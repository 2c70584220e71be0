"""Its tool never ends."""

import threading

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    threading.Event().wait()
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
