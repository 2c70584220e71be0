"""The connection to one server: opened when it is needed, made anew when the server is lost, closed by who opened it.

What opens a session must close it, in the same task. One task per connection does both and nothing else; calls are made
by whoever calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx2
from mcp import Client, MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
    InputRequiredResult,
    ListToolsRequest,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
)
from pydantic import BaseModel, TypeAdapter, ValidationError

from agentfix import ToolError

from .place import Place
from .words import line

START_S = 40.0
"""For a server to start and shake hands; one that knows only the older handshake may take ten of them."""
CLOSE_S = 10.0
MOST_TOOLS = 256
_MOST_PAGES = 50
_ENDED = ("Connection closed", "SSE stream ended")
"""How the SDK's own errors of a connection that ended begin; servers give their code to errors of any sort."""
_SHORTEST_KEY = 6

_RESULT: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
_LISTING: TypeAdapter[ListToolsResult] = TypeAdapter(ListToolsResult)
T = TypeVar("T", bound=BaseModel)


@dataclass
class _Session:
    """A session, and the task that owns it."""

    opened: asyncio.Future[Client]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    owner: asyncio.Task[None] | None = None
    fault: BaseException | None = None
    """What it ended of."""
    forgotten: bool = False
    """The server does not know it any more, because it was restarted."""

    def forget(self) -> None:
        self.forgotten = True

    @property
    def ended(self) -> bool:
        return self.forgotten or self.leave.is_set() or (self.owner is not None and self.owner.done())


class Connection:
    """A server in one event loop.

    Args:
        name: of the server, for messages.
        place: where it is.
        keys: what it is given and must not be repeated.
    """

    def __init__(self, name: str, place: Place, keys: Sequence[str]) -> None:
        self.name = name
        self._place = place
        self._keys = [key for key in keys if len(key) >= _SHORTEST_KEY]
        self._session: _Session | None = None
        self._opening = asyncio.Lock()

    def hidden(self, text: str) -> str:
        """A text without the server's keys."""
        for key in self._keys:
            text = text.replace(key, "[key]")
        return text

    async def tools(self) -> list[Tool]:
        """The tools that the server has now; no more than so many.

        Raises:
            ToolError: it can't be reached, or does not say.
        """
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
            page = await self._ask(request, _LISTING, START_S, "listing its tools", repeatable=True)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > MOST_TOOLS:
                break
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout_s: float, *,
                   repeatable: bool) -> CallToolResult:
        """Call a tool. When the caller is cancelled, or the time is over, the server is told.

        Args:
            tool: as the server calls it.
            arguments: of the call.
            timeout_s: how long it may take.
            repeatable: it may be made once more when nobody knows whether it happened.

        Raises:
            ToolError: the server refuses, fails, takes too long or is lost.
        """
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        result = await self._ask(request, _RESULT, timeout_s, f"running {line(tool, 100)!r}", repeatable=repeatable)
        if isinstance(result, InputRequiredResult):
            raise ToolError(f"The MCP server {self.name!r} asks for more before it goes on, which it is not given.",
                            status="refused")
        return result

    async def aclose(self) -> None:
        """End the session, and the program if it is one. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await _left(session)

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _ask(self, request: ClientRequest, form: TypeAdapter[T], timeout_s: float, doing: str, *,
                   repeatable: bool) -> T:
        for last in (False, True):
            session, client = await self._connected()
            try:
                # Not the client's own `call_tool`: it checks results by the server's schema, whose patterns may be
                # made to take for ever.
                return await client.session.send_request(request, form, request_read_timeout_seconds=timeout_s)
            except MCPError as error:
                unsent = await self._lost(session, error)
                if unsent is None:
                    raise self._refused(error, doing, timeout_s) from error
                if last or self._place.fault or not (unsent or repeatable):
                    said = "" if unsent else " Whether it had its effect is not known."
                    raise ToolError(f"The MCP server {self.name!r} was lost while {doing}.{self._words()}{said}",
                                    status="unavailable") from error
            except (ValidationError, ValueError, RuntimeError) as error:
                raise ToolError(f"The MCP server {self.name!r} answered as the protocol does not allow while {doing}: "
                                f"{line(self.hidden(str(error)))}") from error
        raise AssertionError("unreachable")

    async def _lost(self, session: _Session, error: MCPError) -> bool | None:
        """Whether a request surely did not reach a server that is lost; None when the server is there and answered."""
        if session.forgotten and error.code != CONNECTION_CLOSED:
            return True
        if error.code != CONNECTION_CLOSED or not (session.ended or error.message.startswith(_ENDED)):
            return None
        await _left(session)
        return isinstance(session.fault, httpx2.ConnectError)

    def _refused(self, error: MCPError, doing: str, timeout_s: float) -> ToolError:
        if error.code == REQUEST_TIMEOUT:
            return ToolError(f"The MCP server {self.name!r} took longer than {timeout_s:g} s for {doing}.",
                             status="timeout")
        return ToolError(f"The MCP server {self.name!r} refused, while {doing}: {line(self.hidden(error.message))}")

    def _words(self) -> str:
        if self._place.fault:
            return f" It was left: {self._place.fault}."
        last = self.hidden(self._place.words.last())
        return f" Its last words: {last}" if last else ""

    # --- the session -------------------------------------------------------------------------------------------------

    async def _connected(self) -> tuple[_Session, Client]:
        async with self._opening:
            session = self._session
            if session is None or session.ended:
                await self.aclose()
                session = self._session = _Session(asyncio.get_running_loop().create_future())
                # In a context of its own: it outlives the call that may have made it anew.
                session.owner = asyncio.create_task(self._own(session), context=Context())
                try:
                    async with asyncio.timeout(START_S):
                        await asyncio.shield(session.opened)
                except TimeoutError as error:
                    await self.aclose()
                    raise self._unreachable(f"it did not answer within {START_S:g} s") from error
                except BaseException:
                    await self.aclose()
                    raise
            return session, session.opened.result()

    async def _own(self, session: _Session) -> None:
        """Hold the session open until it is to be left, or lost."""
        try:
            async with self._place.client(session.leave.set, session.forget) as client:
                session.opened.set_result(client)
                await session.leave.wait()
        except asyncio.CancelledError:
            session.opened.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever its transport meets; the server is named
            session.fault = _cause(error)
            if not session.opened.done():
                session.opened.set_exception(self._unreachable(line(self.hidden(_told(session.fault)))))
        finally:
            session.leave.set()

    def _unreachable(self, why: str) -> ToolError:
        return ToolError(f"The MCP server {self.name!r} can't be reached: {why}.{self._words()}", status="unavailable")


async def _left(session: _Session) -> None:
    """Have the owner close the session, by force when it takes too long."""
    session.leave.set()
    owner = session.owner
    if owner is not None:
        if not session.opened.done():
            owner.cancel()
        await asyncio.wait([owner], timeout=CLOSE_S)
        if not owner.done():
            owner.cancel()
            await asyncio.wait([owner], timeout=CLOSE_S)
    if session.opened.done() and not session.opened.cancelled():
        session.opened.exception()  # else Python complains that nobody looked


def _cause(error: BaseException) -> BaseException:
    """The one error in groups of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _told(error: BaseException) -> str:
    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return "it ended before it had answered"
    return str(error).rstrip(".") or type(error).__name__
