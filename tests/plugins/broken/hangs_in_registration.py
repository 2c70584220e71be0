"""It registers one part and waits for ever before the next."""

import threading

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
    threading.Event().wait()
