"""llm-sandbox's SandboxSession: a file copied into a container and `docker exec` for each program."""

from __future__ import annotations

import asyncio
import sys
import time

from llm_sandbox import SandboxSession
from serving import serve


async def main(image: str) -> None:
    began = time.perf_counter()
    # Without it, each session makes a virtual environment and asks the package index for a newer pip: many seconds.
    with SandboxSession(lang="python", image=image, skip_environment_setup=True) as session:

        async def run(code: str) -> str:
            return session.run(code).stdout

        await serve(run, began)


asyncio.run(main(sys.argv[1]))
