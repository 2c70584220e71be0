"""The names by which clients ask for models."""

from __future__ import annotations

import pytest

from agentfix.server.failures import Refusal
from agentfix.server.naming import Chosen, Names

HERE, THERE = "openai:org/small@http://127.0.0.1:9/v1", "openai:org/small@http://127.0.0.2:9/v1"


def test_clients_are_not_told_where_a_model_is():
    names = Names([HERE, "llamacpp:qwen"], ["critic"])
    assert names.listed() == ["org/small", "qwen", "critic/org/small", "critic/qwen"]
    assert names.find("critic/org/small") == Chosen(HERE, "critic")
    assert names.find("org/small") == names.find(HERE) == Chosen(HERE, None)


def test_models_of_one_name_are_told_apart():
    names = Names([HERE, THERE], [])
    assert names.listed() == [HERE, THERE]
    assert names.find(THERE) == Chosen(THERE, None)
    with pytest.raises(Refusal):
        names.find("org/small")
