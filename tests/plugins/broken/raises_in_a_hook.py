"""Its observer does not know all events."""

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)


@hookimpl
def agentfix_on_event(event):
    print(event.data["attempt"].answer.upper())  # noqa: T201
