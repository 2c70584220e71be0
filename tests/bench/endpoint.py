"""An endpoint that answers every chat after a fixed time, as a process of its own: `python -m tests.bench.endpoint MS`.

Prints its port. Asked for `/count`, it says how many chats it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Generator
from subprocess import PIPE, Popen

REPLY = {
    "id": "x", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "The answer, in a sentence or two. " * 8}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 64, "total_tokens": 164},
}


class Endpoint:
    """Speaks just enough HTTP/1.1, with connections kept open."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
                await reader.readexactly(length)
                if head.startswith("get"):
                    body = {"answered": self._answered}
                else:
                    await asyncio.sleep(self._delay_s)
                    self._answered += 1
                    body = REPLY
                data = json.dumps(body).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                             + str(len(data)).encode() + b"\r\n\r\n" + data)
                await writer.drain()
        writer.close()


async def main(delay_ms: float) -> None:
    server = await asyncio.start_server(Endpoint(delay_ms / 1000).serve, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextlib.contextmanager
def endpoint(delay_ms: float) -> Generator[str]:
    """Start one; yields its base URL."""
    with Popen([sys.executable, "-m", "tests.bench.endpoint", str(delay_ms)], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
