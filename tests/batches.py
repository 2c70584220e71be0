"""Batches as processes of their own, a model that counts what it is asked, and kills."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from agentfix.journal import SqliteJournal

VERDICT = '{"feedback": "Fine.", "verdict": "accept"}'
Key = tuple[str, int]
"""Of a call: the messages and the seed, which differ from those of every other call of a batch."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CountingModel

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.server.lives:
            self.close_connection = True
            return
        self.server.count[json.dumps(body["messages"], sort_keys=True), body["seed"]] += 1
        time.sleep(self.server.delay_s)
        said = VERDICT if "response_format" in body else "Because it is so."
        choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        choices = [{**choice, "index": i} for i in range(body.get("n", 1))]
        reply = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices,
                            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(reply)}\r\n\r\n"
        try:
            self.wfile.write(head.encode() + reply)
        except OSError:  # whoever asked was killed
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class CountingModel(ThreadingHTTPServer):
    """An endpoint that answers after a while, and counts the requests that arrived, by what they ask."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, delay_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay_s = delay_s
        self.lives = True
        self.count: collections.Counter[Key] = collections.Counter()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def spec(self) -> str:
        """What `--model` is told."""
        return f"openai:m@{self.url}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def die(self) -> None:
        """Answer nobody any more, nor let anybody in."""
        self.lives = False
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed here."""

    def __exit__(self, *args: object) -> None:
        if self.lives:
            self.die()


def write_tasks(file: Path, count: int) -> list[str]:
    """Write questions that differ; returns their ids."""
    ids = [f"t{number}" for number in range(count)]
    rows = [{"id": name, "question": f"Why is question {name} asked?", "kind": "text"} for name in ids]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return ids


@dataclass
class BatchProcess:
    """`agentfix batch` in a folder, killed and started again."""

    folder: Path
    model: str
    arguments: tuple[str, ...] = ()
    settings: str = ""
    """In TOML."""
    process: Popen[str] = field(init=False)

    @property
    def tasks(self) -> Path:
        return self.folder / "tasks.jsonl"

    @property
    def output(self) -> Path:
        return self.folder / "results.jsonl"

    def start(self) -> None:
        command = [sys.executable, "-m", "agentfix", "batch", str(self.tasks), "--output", str(self.output), "--model",
                   self.model, "--sandbox", "embedded", "--json", *self.arguments]
        (self.folder / "agentfix.toml").write_text(self.settings, encoding="utf-8")
        environment = {**os.environ, "AGENTFIX_DATA_DIR": str(self.folder / "data"),
                       "AGENTFIX_CONFIG": str(self.folder / "agentfix.toml")}
        self.process = Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, text=True, env=environment)

    def ended(self) -> tuple[int, dict[str, Any], str]:
        """Wait; gives the exit status, the summary, and standard error."""
        out, err = self.process.communicate()
        return self.process.returncode, json.loads(out) if out else {}, err

    def told(self) -> str:
        """The next line of standard error."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill the driver."""
        self.process.kill()
        self.process.communicate()

    def workers(self) -> list[int]:
        """The process numbers of the workers that Ray keeps for this driver."""
        return [number for number, name in children_of(self.process.pid) if name.startswith("ray::BatchWorker")]

    def lines(self) -> list[dict[str, Any]]:
        text = self.output.read_text(encoding="utf-8") if self.output.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def ended_calls(self) -> set[Key]:
        """The calls whose end is in the journal."""
        path = self.folder / "data/journal.sqlite"
        return asyncio.run(_ended(path)) if path.exists() else set()


async def _ended(path: Path) -> set[Key]:
    journal = SqliteJournal(path)
    try:
        runs = [run for run, in journal.db.execute("SELECT id FROM runs").fetchall()]
        calls = [call for run in runs for call in await journal.calls(run)]
    finally:
        await journal.aclose()
    return {(_as_sent(call.request), call.request["sampling"]["seed"]) for call in calls
            if call.reply is not None and "messages" in call.request}


def _as_sent(request: Mapping[str, Any]) -> str:
    return json.dumps([{"content": m["content"], "role": m["role"]} for m in request["messages"]], sort_keys=True)


def children_of(parent: int) -> Iterator[tuple[int, str]]:
    """The processes below another one, and what they are called."""
    parents, names = dict[int, int](), dict[int, str]()
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended
                continue
    for number in names:
        above = number
        while above in parents and above != parent:
            above = parents[above]
        if above == parent and number != parent:
            yield number, names[number]


@dataclass
class Killer:
    """Kills workers at random moments, and knows which calls had ended by then.

    Args:
        batch: whose.
        model: that it asks.
        chance: of the moment and the worker.
        within_s: the longest wait between a worker's readiness and the kill.
    """

    batch: BatchProcess
    model: CountingModel
    chance: random.Random
    within_s: float = 4.0
    killed: int = 0
    by_then: dict[Key, int] = field(default_factory=dict[Key, int])
    """How often each call had been asked for when it had ended and a kill came."""

    def kill_worker(self) -> bool:
        """Kill one; false when the batch is over before."""
        time.sleep(self.chance.uniform(0, self.within_s))
        while self.batch.lives:
            if workers := self.batch.workers():
                try:
                    os.kill(self.chance.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.killed += 1
                self.note()
                return True
            time.sleep(0.05)
        return False

    def note(self) -> None:
        """Take down which calls have ended."""
        for key in self.batch.ended_calls() - self.by_then.keys():
            self.by_then[key] = self.model.count[key]

    def asked_again(self) -> int:
        """How many calls that had ended were made once more."""
        return sum(self.model.count[key] - count for key, count in self.by_then.items())
