"""`agentfix models list` says what endpoints offer, and goes without those that don't answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentfix import load_settings
from agentfix.cli.main import main
from agentfix.endpoints import Endpoint
from agentfix.models.openai.listing import offers
from tests.models.openai.conftest import KEY
from tests.models.openai.loopback import Loopback, says, serving

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory of a user who set nothing up."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AGENTFIX_DATA_DIR": str(tmp_path), "AGENTFIX_CONFIG": "",
                        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextlib.contextmanager
def in_background() -> Iterator[Loopback]:
    """A server in a thread of its own, for commands, which have event loops of their own."""
    started: list[Loopback] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(says()) as server:
            started.append(server)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield started[0]
    finally:
        over.set()
        thread.join()


def test_models_of_endpoints_are_listed_as_they_are_written(place, capsys):
    with in_background() as server:
        server.models = ["gpt-small", "org/gpt\x1b[31m"]
        (place / "agentfix.toml").write_text(f'[endpoints.box]\nbase_urls = ["{server.url}"]\n')
        assert main(["models", "list"]) == 0
    told = capsys.readouterr()
    rows = [line.split() for line in told.out.splitlines()]
    assert ["openai:gpt-small@box", "-", "-", "offered", server.url] in rows
    assert "\x1b" not in told.out and told.err == "" and "smollm2-135m" in told.out


def test_an_endpoint_that_does_not_answer_is_one_line_and_no_failure(place, capsys):
    (place / "agentfix.toml").write_text(f'[endpoints.off]\nbase_urls = ["{NOWHERE}"]\n')
    assert main(["models", "list", "--json"]) == 0
    told = capsys.readouterr()
    (offer,) = json.loads(told.out)["endpoints"]
    assert offer["models"] == [] and len(told.err.splitlines()) == 1 and f"{NOWHERE} can't be reached" in told.err


def test_only_what_the_user_set_up_is_asked(place, monkeypatch, capsys):
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["endpoints"] == []
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert list(load_settings().chosen_endpoints()) == ["openai"]
    monkeypatch.delenv("OPENAI_API_KEY")
    with in_background() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert main(["models", "list", "--json"]) == 0
    (offer,) = json.loads(capsys.readouterr().out)["endpoints"]
    assert offer["name"] == "openai" and offer["models"] == ["openai:gpt-small", "openai:gpt-large"]


async def test_addresses_are_asked_together_and_a_model_is_listed_once():
    left = asyncio.Event()

    async def never(reader, writer):
        await reader.read()  # until the other side gives up
        writer.close()
        await writer.wait_closed()
        left.set()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/v1"
    async with serving(says()) as one, serving(says()) as two:
        two.models = ["gpt-small", "new"]
        (offer,) = await offers({"box": Endpoint(base_urls=(one.url, url, two.url))}, timeout_s=0.5)
    await left.wait()
    silent.close()
    assert sorted(offer.models) == ["gpt-large", "gpt-small", "new"] and len(offer.models) == 3
    assert offer.problems == (f"{url} did not say within 0.5 s what it offers.",)
