"""A run that is killed at any moment goes on to the same end, and nothing that ended is done again."""

from __future__ import annotations

import collections
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import run

import pytest

AT_ONCE = 2
"""Calls that may be under way: the strategy expands both of the kind's roles in one decision."""
REPLIES = [
    "```python\ndef solution():\n    crates = 4\n    return jars * crates\n```",
    "```python\ndef solution():\n    jars, crates = 15, 4\n    return jars * crates\n```",
    "Each crate holds 15 jars: 4 * 15 = 61 jars.\nThe answer is 61.",
    "4 crates of 15 jars are 60 jars.\nThe answer is 60.",
]


class Counting(BaseHTTPRequestHandler):
    """Answers by what is asked alone, and counts each reply that was sent whole."""

    protocol_version = "HTTP/1.1"
    server: CountingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = json.dumps(body["messages"], sort_keys=True)
        text = REPLIES[3] if body["temperature"] else REPLIES[2]
        if "solution()" in body["messages"][-1]["content"] or "program" in body["messages"][-1]["content"]:
            text = REPLIES[1] if len(body["messages"]) > 2 or body["temperature"] else REPLIES[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        choices = [{**choice, "index": i} for i in range(body.get("n", 1))]
        reply = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices,
                            "usage": {"prompt_tokens": 10, "completion_tokens": 9}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        self.server.sent[body["model"]][asked, body["seed"]] += 1

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class CountingServer(ThreadingHTTPServer):
    """Counts replies by model and request: each run has a model of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counting)
        self.sent: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kept", "kills", "middle"), [("file", 100, 25), ("postgresql", 20, 2)])
def test_kill_at_random_moments(request, tmp_path, kept, kills, middle):
    journal = "file" if kept == "file" else request.getfixturevalue("database")
    with CountingServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        done = run([sys.executable, "-m", "tests.killing", url, str(tmp_path), str(kills), journal],
                   capture_output=True, text=True, check=False)
        server.shutdown()
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["killed"] == kills and report["whole"]["answer"] == "60" and len(report["whole"]["attempts"]) > 3
    whole = server.sent["whole"]
    assert set(whole.values()) == {1} and len(report["ledger"]) == len(set(report["ledger"])) > 3
    in_the_middle = 0
    for ran in report["runs"]:
        assert ran["result"] == report["whole"]
        assert ran["ledger"] == report["ledger"], "a side effect was had twice, or never"
        sent = server.sent[ran["model"]]
        ended = {tuple(call) for call in ran["ended"]}
        assert all(sent[call] == 1 for call in ended), "a call that had ended was made again"
        assert sum(sent.values()) <= sum(whole.values()) + AT_ONCE, "more than the calls under way were made again"
        in_the_middle += 0 < len(ended) < len(whole)
    assert in_the_middle > middle
