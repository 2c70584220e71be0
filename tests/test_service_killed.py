"""The web service of the examples, as a real process that is killed in the middle of a run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.models.openai.loopback import says, serving

EXAMPLES = Path(__file__).parent.parent / "examples"
ASKED = {"question": "What is 17 times 23?", "id": "mine"}
PROGRAM = says("```python\nanswer = 17 * 23\n```")
DERIVED = says("17 times 23 is 391.\nThe answer is 391.")


@asynccontextmanager
async def service(model: str, folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The address of the service, and its process, which is gone afterwards."""
    settings = {"MODEL": model, "SANDBOX": "embedded", "DATA_DIR": str(folder)}
    environment = {**os.environ, **{f"AGENTFIX_{name}": value for name, value in settings.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "--factory", "--app-dir", str(EXAMPLES), "--port", "0", "09_service:app",
        env=environment, stderr=asyncio.subprocess.PIPE)
    said = process.stderr
    assert said is not None
    try:
        while b"running on" not in (line := await said.readline()):
            assert line, "the service did not start"
        yield line.split(b"running on ")[1].split()[0].decode(), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def heard(url: str, asked: dict[str, str]) -> AsyncIterator[tuple[str, dict[str, object]]]:
    async with httpx.AsyncClient(timeout=60) as client, client.stream("POST", f"{url}/answer", json=asked) as reply:
        kind = ""
        async for line in reply.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


async def test_a_service_that_was_killed_goes_on_with_the_same_request(tmp_path):
    for package in ("fastapi", "uvicorn"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install {package}")
    pids: list[int] = []

    async def kill(request, write):  # when the first attempt is judged, and the model is asked again
        os.kill(pids[0], signal.SIGKILL)

    async with serving(PROGRAM, kill, DERIVED) as endpoint:
        async with service(f"openai:m@{endpoint.url}", tmp_path) as (url, process):
            pids.append(process.pid)
            with pytest.raises(httpx.RemoteProtocolError):
                _ = [event async for event in heard(url, ASKED)]
        async with service(f"openai:m@{endpoint.url}", tmp_path) as (url, _):
            events = [event async for event in heard(url, ASKED)]
            refused = [event async for event in heard(url, {**ASKED, "question": "What is 17 times 24?"})]
    kind, data = events[-1]
    assert (kind, data["result"]["answer"], data["result"]["abstained"]) == ("result", "391", False)
    assert [kind for kind, _ in events].count("attempt") == 2
    assert len(endpoint.asked) == 3  # what was under way when it was killed is asked again, and nothing else
    assert [kind for kind, _ in refused] == ["error"] and "another run named 'mine'" in str(refused)
