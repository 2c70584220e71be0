"""Its hook would never be called."""

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    return len(text.split())


@hookimpl
def agentfix_register_tool(register):
    register(count)
