"""Its tool returns what can't be written down."""

from agentfix import hookimpl, tool


@tool
def count(text: str) -> object:
    """Count words."""
    return object()


@hookimpl
def agentfix_register_tools(register):
    register(count)
