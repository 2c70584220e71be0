"""Its tool talks to itself."""

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    print("counting", text)  # noqa: T201
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
