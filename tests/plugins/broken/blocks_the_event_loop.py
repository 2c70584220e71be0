"""Its tool lets nothing else happen."""

import time

from agentfix import hookimpl, tool


@tool
async def count(text: str) -> int:
    """Count words."""
    time.sleep(1.5)  # noqa: ASYNC251
    return len(text.split())


@hookimpl
def agentfix_register_tools(register):
    register(count)
