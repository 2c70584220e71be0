"""AutoGen's DockerCommandLineCodeExecutor: a file in a shared folder and `docker exec` for each program."""

from __future__ import annotations

import asyncio
import sys
import time

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor
from serving import serve


async def main(image: str) -> None:
    began = time.perf_counter()
    async with DockerCommandLineCodeExecutor(image) as executor:

        async def run(code: str) -> str:
            return (await executor.execute_code_blocks([CodeBlock(code, "python")], CancellationToken())).output

        await serve(run, began)


asyncio.run(main(sys.argv[1]))
