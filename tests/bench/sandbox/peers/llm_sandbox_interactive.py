"""llm-sandbox's InteractiveSandboxSession: an IPython shell in a container that polls a folder. Keeps variables."""

from __future__ import annotations

import asyncio
import sys
import time

from llm_sandbox import InteractiveSandboxSession
from serving import serve


async def main(image: str) -> None:
    began = time.perf_counter()
    # The image has the virtual environment that it would make here otherwise.
    with InteractiveSandboxSession(lang="python", image=image, skip_environment_setup=True) as session:

        async def run(code: str) -> str:
            return session.run(code).stdout

        await serve(run, began)


asyncio.run(main(sys.argv[1]))
