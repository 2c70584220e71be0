"""agentfix as a server: the tools `solve` and `verify`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from agentfix import Agent, AgentFixError, Event, InputError, Result

from .answers import Answered, Asked, Given, answered, in_words, progress, read

_SOLVE = ("Answer a question and check the answer with real tools (programs that are run, your tests, a second "
          "derivation) before it comes back with its evidence. Says plainly when nothing supports the answer. Takes "
          "from seconds to minutes.")
_VERIFY = ("Check an answer that you have: says what evidence supports or refutes it, without looking for another. "
           "With `tests`, those decide.")
_INSTRUCTIONS = "Read `supported` before you rely on an answer: an answer that nothing supports is a guess."

OnEvent = Callable[[Event], None]
Context = ServerRequestContext[Any, Any]


def make_server(agent: Agent) -> Server[Any]:
    """An MCP server in front of an agent, which stays open.

    Args:
        agent: answers and reviews.
    """
    hints = ToolAnnotations(read_only_hint=not agent.settings.tools)  # named tools may act
    output = Answered.model_json_schema()
    tools = [
        Tool(name="solve", description=_SOLVE, input_schema=_schema(agent, Asked), output_schema=output,
             annotations=hints),
        Tool(name="verify", description=_VERIFY, input_schema=_schema(agent, Given), output_schema=output,
             annotations=hints),
    ]

    async def listed(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def called(context: Context, params: CallToolRequestParams) -> CallToolResult:
        try:
            work = _work(agent, params.name, params.arguments or {})
            answer = answered(await _watched(work, context))
        except AgentFixError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        return CallToolResult(content=[TextContent(text=in_words(answer))], structured_content=answer.model_dump())

    return Server("agentfix", version=version("agentfix"), instructions=_INSTRUCTIONS, on_list_tools=listed,
                  on_call_tool=called)


def _schema(agent: Agent, form: type[Asked]) -> dict[str, Any]:
    schema = form.model_json_schema()
    kinds = [entry.name for entry in agent.plugins.names("kind")]
    schema["properties"]["kind"]["enum"] = ["auto", *kinds]
    return schema


def _work(agent: Agent, tool: str, arguments: dict[str, Any]) -> Callable[[OnEvent], Coroutine[Any, Any, Result]]:
    """What a call asks for.

    Raises:
        InputError: there is no such tool, or its arguments are wrong.
    """
    match tool:
        case "solve":
            task = read(arguments, Asked).task()
            return lambda on_event: agent.arun(task, on_event=on_event)
        case "verify":
            given = read(arguments, Given)
            assert isinstance(given, Given)
            checked, answer = given.task(), given.answer
            return lambda on_event: agent.averify(checked, answer, on_event=on_event)
        case _:
            raise InputError(f"There is no tool {tool[:60]!r}.", "There are solve and verify.")


async def _watched(work: Callable[[OnEvent], Coroutine[Any, Any, Result]], context: Context) -> Result:
    """Run it, and tell the client how it goes. A client that cancels the call, or goes away, ends the run."""
    said: asyncio.Queue[str | None] = asyncio.Queue()

    def on_event(event: Event) -> None:
        if (line := progress(event)) is not None:
            said.put_nowait(line)

    async def tell() -> None:
        count = 0
        while (line := await said.get()) is not None:
            count += 1
            await context.session.report_progress(count, message=line)

    # In a task of its own: the SDK cancels again and again, and a run that ends needs to let go of its sandbox.
    running = asyncio.create_task(work(on_event))
    running.add_done_callback(lambda _: said.put_nowait(None))
    try:
        await tell()
        return await running
    finally:
        running.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([running])
