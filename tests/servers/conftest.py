"""The servers, each started once, and agentfix's `openai` backend in front of each."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentfix.endpoints import Endpoint
from agentfix.models.catalog import open_catalogue
from agentfix.plugins import Plugins
from agentfix.settings import Settings, load_settings
from tests.servers import LITELLM, SERVERS, XLLAMACPP
from tests.servers.server import Backend, NotInstalledError, RealServer

SMALL = "smollm2-135m"
KEY = f"sk-{secrets.token_hex(24)}"
KEY_NAME = "SERVERS_TEST_KEY"


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Gives the address of a server, which is started when it is first asked for."""
    model_file = open_catalogue(load_settings()).locate(SMALL)
    if model_file is None:
        pytest.skip(f"the model is not on disk; fetch it with: agentfix models pull {SMALL}")
    folder: Path = tmp_path_factory.mktemp("servers")
    addresses: dict[str, str] = {}
    with ExitStack() as servers:
        def start(server: RealServer) -> str:
            if server.name not in addresses:
                upstream = start(XLLAMACPP) if server is LITELLM else ""
                try:
                    address = servers.enter_context(server.running(Backend(model_file, KEY, upstream), folder))
                except NotInstalledError as error:
                    pytest.skip(str(error))
                addresses[server.name] = address
            return addresses[server.name]

        yield start


@pytest.fixture(scope="session", params=SERVERS, ids=lambda server: server.name)
def server(request: pytest.FixtureRequest) -> RealServer:
    """Which server a test is about."""
    return request.param


@pytest.fixture(scope="session")
def address(server: RealServer, started: Any) -> str:
    """Where it listens."""
    return started(server)


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """Speaks to it with nothing of ours in between."""
    with httpx.Client(base_url=f"{address}/", timeout=200.0, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture
def key_name(monkeypatch: pytest.MonkeyPatch) -> str:
    """The variable that holds the key."""
    monkeypatch.setenv(KEY_NAME, KEY)
    return KEY_NAME


@pytest.fixture
async def model_named(address: str, key_name: str, tmp_path: Path) -> AsyncIterator[Callable[[str], Any]]:
    """Puts our backend in front of it for a model's name; it knows nothing of the server yet."""
    endpoint = Endpoint(base_urls=(address,), key=key_name, max_retries=1)
    plugins = Plugins(Settings(data_dir=tmp_path, endpoints={"real": endpoint}))
    made: list[Any] = []

    def make(name: str) -> Any:
        made.append(plugins.build("model", "openai", f"{name}@real"))
        return made[-1]

    yield make
    for model in made:
        await model.aclose()
