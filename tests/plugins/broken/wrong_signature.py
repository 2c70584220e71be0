"""Its hook wants what the hook does not give."""

from agentfix import hookimpl


@hookimpl
def agentfix_register_tools(registry):
    registry.add("count", print)
