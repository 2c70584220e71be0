"""AutoGen's DockerJupyterCodeExecutor: a Jupyter kernel behind a gateway in a container. Keeps variables."""

from __future__ import annotations

import asyncio
import sys
import time

import requests
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.docker_jupyter import DockerJupyterCodeExecutor, DockerJupyterServer
from requests.adapters import HTTPAdapter, Retry
from serving import serve


def wait_for(server: DockerJupyterServer) -> None:
    """Until the gateway answers: the server only waits until its container runs."""
    gateway = server.connection_info
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(total=100, backoff_factor=0.1, backoff_max=0.2)))
        session.get(f"http://{gateway.host}:{gateway.port}/api", params={"token": gateway.token}, timeout=10)


async def main(image: str) -> None:
    began = time.perf_counter()
    async with DockerJupyterServer(custom_image_name=image) as server:
        wait_for(server)
        async with DockerJupyterCodeExecutor(server) as executor:

            async def run(code: str) -> str:
                return (await executor.execute_code_blocks([CodeBlock(code, "python")], CancellationToken())).output

            await serve(run, began)


asyncio.run(main(sys.argv[1]))
