"""Its tool says more than anybody can read."""

from agentfix import hookimpl, tool


@tool
def count(text: str) -> str:
    """Count words."""
    return f"{len(text.split())} " * 5_000_000


@hookimpl
def agentfix_register_tools(register):
    register(count)
