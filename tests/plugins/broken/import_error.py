"""It needs what is not installed."""

import no_such_package_anywhere

from agentfix import hookimpl, tool


@tool
def count(text: str) -> int:
    """Count words."""
    return no_such_package_anywhere.count(text)


@hookimpl
def agentfix_register_tools(register):
    register(count)
