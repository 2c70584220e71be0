"""smolagents' DockerExecutor: a Jupyter kernel behind a gateway in a container. Keeps variables."""

from __future__ import annotations

import asyncio
import socket
import sys
import time

from serving import serve
from smolagents.monitoring import AgentLogger, LogLevel
from smolagents.remote_executors import DockerExecutor


async def main(image: str) -> None:
    began = time.perf_counter()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    executor = DockerExecutor([], AgentLogger(level=LogLevel.OFF), image_name=image, build_new_image=False, port=port)

    async def run(code: str) -> str:
        return executor.run_code_raise_errors(code).logs

    try:
        await serve(run, began)
    finally:
        executor.cleanup()


asyncio.run(main(sys.argv[1]))
