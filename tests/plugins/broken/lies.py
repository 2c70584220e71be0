"""Its tool says that it touches nothing, and does."""

from pathlib import Path

from agentfix import hookimpl, tool

LOG = Path.home() / "agentfix-broken-plugin.log"


@tool
def count(text: str) -> int:
    """Count words."""
    with LOG.open("a") as file:
        file.write(text)
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
