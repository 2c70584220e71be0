"""Speaks to a server that is a program here: a JSON message a line, through its standard input and output.

The SDK's own way has no greatest line, takes a time that grows with the square of a line's length, and passes over an
answer that holds half of a UTF-16 pair, as programs in JavaScript may write.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TextIO

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, ObjectReceiveStream, ObjectSendStream, Process
from mcp.client.stdio import get_default_environment
from mcp.os.posix.utilities import terminate_posix_process_tree
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

MOST_BYTES = 10_000_000
"""Of a message."""
_WRITE_S, _LEAVE_S, _KILL_S = 0.5, 2.0, 2.0
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)
"""What reading or writing meets when the other end is gone."""

Sending = ObjectSendStream[SessionMessage | Exception]


class _TooLongError(Exception):
    pass


@asynccontextmanager
async def streams_of(command: Sequence[str], keys: Mapping[str, str], errors: TextIO,
                     on_fault: Callable[[str], None]) -> AsyncGenerator[tuple[Any, Any]]:
    """Start a program, and end it and all that it started when the context is left.

    Args:
        command: the program and its arguments.
        keys: more variables for it than those that every program gets.
        errors: its standard error.
        on_fault: called with why no more of what it says is read.

    Yields:
        What it says, and what it is told.

    Raises:
        OSError: it can't be started.
    """
    process = await anyio.open_process(list(command), env=get_default_environment() | dict(keys), stderr=errors,
                                       start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    said, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, told = anyio.create_memory_object_stream[SessionMessage](0)
    written = anyio.Event()
    async with anyio.create_task_group() as group, said, read, write, told:
        group.start_soon(_hear, process.stdout, said, on_fault)
        group.start_soon(_tell, process.stdin, told, said, written)
        try:
            yield read, write
        finally:
            with anyio.CancelScope(shield=True):
                read.close()
                write.close()
                with anyio.move_on_after(_WRITE_S):
                    await written.wait()
                await _end(process)
            group.cancel_scope.cancel()


async def _hear(stdout: ByteReceiveStream, said: Sending, on_fault: Callable[[str], None]) -> None:
    with suppress(*_GONE):
        async with said:
            try:
                async for line in _lines(stdout):
                    await said.send(_message(line))
            except _TooLongError:
                on_fault(f"it sent a message longer than {MOST_BYTES:,} bytes")
        while True:  # else a program that still writes would never read that it is to end
            await stdout.receive()


async def _lines(stdout: ByteReceiveStream) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    length = 0
    async for chunk in stdout:
        for number, piece in enumerate(chunk.split(b"\n")):
            if number:
                yield b"".join(parts)
                parts, length = [], 0
            parts.append(piece)
            length += len(piece)
            if length > MOST_BYTES:
                raise _TooLongError


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        try:
            whole = _encoded(json.loads(line.decode("utf-8", "replace")))
            return SessionMessage(jsonrpc_message_adapter.validate_json(whole, by_name=False))
        except (ValueError, RecursionError):
            return error


def _encoded(value: Any) -> bytes:
    """JSON with a question mark for half a pair."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


async def _tell(stdin: ByteSendStream, told: ObjectReceiveStream[SessionMessage], said: Sending,
                written: anyio.Event) -> None:
    try:
        async for message in told:
            await stdin.send(_encoded(message.message.model_dump(by_alias=True, exclude_unset=True)) + b"\n")
    except _GONE:
        await said.aclose()  # else a request would wait for an answer that can't come
    finally:
        written.set()


async def _end(process: Process) -> None:
    """Close its standard input, as the protocol asks, and kill what has not ended then."""
    for closing in (process.stdin, process.stdout):
        assert closing is not None
        with suppress(*_GONE):
            await closing.aclose()
        if closing is process.stdin and not await _ended(process, _LEAVE_S):
            await terminate_posix_process_tree(process, _KILL_S)
            await _ended(process, _KILL_S)


async def _ended(process: Process, timeout_s: float) -> bool:
    """Whether it ends in time. Waiting for it would wait for all that hold its pipes too."""
    with anyio.move_on_after(timeout_s):
        while process.returncode is None:  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.01)
    return process.returncode is not None
