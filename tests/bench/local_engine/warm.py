"""The first token in a second process, after a first one has read the same system prompt."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agentfix.models.llamacpp.model import open_model
from agentfix.settings import Settings
from agentfix.types import Message, ModelRequest
from tests.bench.local_engine.common import Part, greedy
from tests.bench.sandbox.targets import Target

RULES = " ".join(f"Rule {i}: whatever is asked, think of what could be wrong with it before you answer." for i in
                 range(85))


async def first_token(name: str, data_dir: Path) -> dict[str, float]:
    """Seconds to the first token once the model is loaded, in this process."""
    model = open_model(name, Settings(data_dir=data_dir))
    await model.generate(ModelRequest((Message("user", "Hello."),), greedy(1)))
    began = time.perf_counter()
    completion, = await model.generate(ModelRequest(
        (Message("system", RULES), Message("user", f"What is {time.time_ns() % 97} + 1?")), greedy(1)))
    took = time.perf_counter() - began
    await model.aclose()
    return {"seconds": took, "tokens": completion.usage.prompt_tokens}


def measure(path: Path) -> Part:
    with tempfile.TemporaryDirectory() as folder:
        found, whole = list[dict[str, float]](), list[float]()
        for _ in range(2):
            began = time.perf_counter()
            printed = subprocess.run([sys.executable, "-m", __name__, str(path), folder], check=True,
                                     stdout=subprocess.PIPE).stdout
            whole.append(time.perf_counter() - began)
            found.append(json.loads(printed))
        sizes = [file.stat().st_size for file in Path(folder).glob("prefixes/*")]
    (first, second), tokens = (each["seconds"] for each in found), found[0]["tokens"]
    return Part({"a static prefix": {
        "tokens": tokens, "first process, s to the first token": first, "second process": second,
        "first process, s in all": whole[0], "second process in all": whole[1], "MB on disk": sum(sizes) / 1e6}},
        # Nothing is kept where a GPU reads sooner than the disk.
        [Target("static prefix: second process / first", second / first, "at most", 0.1)] if sizes else [])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(first_token(sys.argv[1], Path(sys.argv[2])))))
