"""The `openai` backend against servers that other people wrote: `table.py` says what is to be seen."""

from __future__ import annotations

import pytest

from agentfix.errors import ModelError
from tests.servers import SERVERS
from tests.servers.outcomes import OUTCOMES, asked
from tests.servers.probes import PROBES, probe
from tests.servers.server import MODEL
from tests.servers.table import TABLE

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

FEATURES = list(OUTCOMES)


def test_the_table_is_whole():
    assert list(TABLE) == [server.name for server in SERVERS]
    assert all(list(row) == FEATURES for row in TABLE.values())
    assert set(FEATURES) <= set(PROBES)


@pytest.mark.parametrize("feature", FEATURES)
def test_what_the_server_does_itself(server, client, feature):
    assert probe(client, feature) == TABLE[server.name][feature][0]


@pytest.mark.parametrize("feature", FEATURES)
async def test_what_comes_of_it_through_the_backend(server, model_named, feature):
    model = model_named("no-such-model" if feature == "an unknown model" else MODEL)
    try:
        outcome = await OUTCOMES[feature](model)
    except ModelError as error:
        assert "\n" not in str(error)
        words = ": can't see images" if "can't see images" in str(error) else ""
        outcome = type(error).__name__ + words
    assert outcome == TABLE[server.name][feature][1]


async def test_what_was_refused_once_is_not_asked_again(server, model_named):
    model = model_named(MODEL)
    calls = [sum(c.usage.model_calls for c in await model.generate(asked(n=3))) for _ in range(2)]
    assert calls[1] == 3


async def test_a_wrong_key_is_one_clear_line(server, model_named, key_name, monkeypatch):
    if server.name != "litellm":
        pytest.skip(f"{server.name} asks for no key")
    monkeypatch.setenv(key_name, "sk-wrong-key-0123456789")
    # LiteLLM looks for keys that it does not know in a database, and has none here.
    with pytest.raises(ModelError, match="No connected db") as raised:
        await model_named(MODEL).generate(asked())
    assert "\n" not in str(raised.value) and "sk-wrong-key-0123456789" not in str(raised.value)
