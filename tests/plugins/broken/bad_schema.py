"""Its tool's schema is none."""

from agentfix import Observation, ToolSpec, hookimpl


class Count:
    spec = ToolSpec("count", "Count words.", {"type": "object", "properties": {"text": {"type": "text"}}})

    async def run(self, arguments, context):
        return Observation("count", "ok", str(len(arguments["text"].split())))


@hookimpl
def agentfix_register_tools(register):
    register("count", lambda build: Count(), "Count words.")
