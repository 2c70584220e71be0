"""Loading a model: what it is said to need, adapters to it, and how loading is watched and ended."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from agentfix.errors import ConfigError, ModelError, ModelUnavailableError
from agentfix.settings import Settings, load_settings
from agentfix.types import Message, ModelRequest, Sampling

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                    exc_type=ImportError)

import llama_cpp

from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.loading import take_engine
from agentfix.models.llamacpp.measure import measured, needs_of
from agentfix.models.llamacpp.model import LlamaCppModel, open_model
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.shared import ENGINES
from tests.models import tiny_gguf

PROMPT = [10, 200, 33, 77, 150, 21]
ADAPTED = {"blk.0.attn_q.weight": 32, "blk.1.attn_v.weight": 32, "blk.1.ffn_down.weight": 48}
"""Tensors, and how many inputs they have."""
RANK, ALPHA = 4, 8.0


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tiny_gguf.write("llama", tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def logprobs(file, **options):
    llama = Llama(file, context_tokens=256, threads=1, **options)
    try:
        llama.decode([Row(token, i, 0, True) for i, token in enumerate(PROMPT)])
        return np.array([llama.logprobs(range(tiny_gguf.VOCABULARY), row) for row in range(len(PROMPT))])
    finally:
        llama.close()


# --- what a model needs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_the_header_says_what_is_measured(kind, tmp_path):
    llama = Llama(tiny_gguf.write(kind, tmp_path / "tiny.gguf"), context_tokens=256, threads=1)
    told, found = needs_of(llama._model, llama.metadata, in_parts=True), measured(llama._model, in_parts=True)
    assert found.token_bytes - 32 < told.token_bytes <= found.token_bytes  # besides, a cell says whose it is
    assert told.trained_tokens == tiny_gguf.CONTEXT
    llama.close()


@pytest.mark.parametrize(("kind", "states"), [("mamba", 2), ("jamba", 1)])
def test_the_state_of_a_recurrent_model_is_measured(kind, states, tmp_path):
    llama = Llama(tiny_gguf.write(kind, tmp_path / "tiny.gguf"), threads=1)
    needs = needs_of(llama._model, llama.metadata, in_parts=False)
    inner = 2 * tiny_gguf.EMBEDDING
    state = 4 * inner * (tiny_gguf.STATE + tiny_gguf.CONVOLUTION - 1) * states
    assert state <= needs.sequence_bytes < state + 500
    assert llama.context_tokens == tiny_gguf.CONTEXT
    assert llama.room.cache_bytes >= llama.sequences * needs.sequence_bytes
    llama.close()


# --- adapters ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def matrices():
    random = np.random.default_rng(5)
    outputs = {"blk.0.attn_q.weight": 32, "blk.1.attn_v.weight": 16, "blk.1.ffn_down.weight": 32}
    return {name: (random.standard_normal((RANK, inputs)) * 0.2, random.standard_normal((outputs[name], RANK)) * 0.2)
            for name, inputs in ADAPTED.items()}


@pytest.fixture(scope="module")
def adapter(matrices, tmp_path_factory) -> Path:
    return tiny_gguf.write_adapter(tmp_path_factory.mktemp("tiny") / "lora.gguf", matrices, alpha=ALPHA)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_an_adapter_does_what_merging_it_would_do(file, matrices, adapter, scale, tmp_path):
    def merge(tensors):
        for name, (a, b) in matrices.items():
            tensors[name] = tensors[name] + scale * ALPHA / RANK * b @ a

    merged = tiny_gguf.write("llama", tmp_path / "merged.gguf", change=merge)
    plain, adapted = logprobs(file), logprobs(file, adapters=[(adapter, scale)])
    assert np.abs(adapted - plain).max() > 0.5
    assert np.abs(adapted - logprobs(merged)).max() < 0.05


def test_two_adapters_add_up(file, adapter):
    twice = logprobs(file, adapters=[(adapter, 0.5), (adapter, 0.5)])
    assert np.abs(twice - logprobs(file, adapters=[(adapter, 1.0)])).max() < 0.05


def test_an_adapter_that_can_not_be_used_is_one_clear_error(file, adapter, matrices, tmp_path):
    def refused(path, complaint, model=file):
        with pytest.raises(ModelUnavailableError, match=complaint) as error:
            logprobs(model, adapters=[(path, 1.0)])
        assert repr(str(path)) in error.value.message and error.value.hint and "\n" not in str(error.value)

    refused(tmp_path / "none.gguf", "There is no LoRA adapter")
    refused(tmp_path, "There is no LoRA adapter")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(adapter.read_bytes()[:900])
    refused(broken, "corrupt, or made for another model")
    refused(file, "expect general.type to be 'adapter'")
    refused(adapter, "arch mismatch", tiny_gguf.write("gemma2", tmp_path / "gemma2.gguf"))
    wide = {name: (np.ones((RANK, 40)), b) for name, (_, b) in matrices.items()}
    refused(tiny_gguf.write_adapter(tmp_path / "wide.gguf", wide), "incorrect shape")
    far = {"blk.7.attn_q.weight": matrices["blk.0.attn_q.weight"]}
    refused(tiny_gguf.write_adapter(tmp_path / "far.gguf", far), "does not exist in base model")


def test_adapters_are_set_as_files_with_or_without_a_scale(tmp_path):
    (tmp_path / "agentfix.toml").write_text('lora = ["a.gguf", "b.gguf:0.5", "c:d.gguf", "e.gguf:nan"]')
    settings = load_settings(directory=tmp_path, environment={})
    assert settings.adapters == ((Path("a.gguf"), 1.0), (Path("b.gguf"), 0.5), (Path("c:d.gguf"), 1.0),
                                 (Path("e.gguf:nan"), 1.0))
    environment = {"AGENTFIX_LORA": "x.gguf,y.gguf:2"}
    settings = load_settings(directory=tmp_path, environment=environment)
    assert settings.adapters == ((Path("x.gguf"), 1.0), (Path("y.gguf"), 2.0))
    with pytest.raises(ConfigError, match="'lora'"):
        load_settings({"lora": 3}, directory=tmp_path, environment={})


def test_who_wants_other_adapters_gets_another_engine_and_other_prefixes(file, adapter, tmp_path):
    request = ModelRequest((Message("system", "w1 w2 " * 40), Message("user", "w3")),
                           Sampling(temperature=0.0, max_tokens=4), top_logprobs=1)

    def answered(*lora):
        settings = Settings(data_dir=tmp_path, context_tokens=2048, threads=1, lora=lora)

        async def answer():
            model = open_model(str(file), settings)
            try:
                return (await model.generate(request))[0]
            finally:
                await model.aclose()

        return asyncio.run(answer())

    for lora, cached in (((), 0), ((), 64), ((str(adapter),), 0), ((str(adapter),), 64), ((f"{adapter}:0.5",), 0)):
        assert (answered(*lora).usage.cached_prompt_tokens >= 64) == bool(cached), lora
    assert answered().logprobs != answered(str(adapter)).logprobs


# --- watching and ending it -------------------------------------------------------------------------------------------


def test_loading_tells_how_far_it_is(file):
    told: list[float] = []
    Llama(file, threads=1, on_progress=told.append).close()
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ModelError("enough")])
def test_whoever_watches_may_end_it(file, error):
    def enough(done):
        raise error

    with pytest.raises(type(error)):
        Llama(file, threads=1, on_progress=enough)


def test_a_model_that_is_closed_while_it_is_loaded_is_not_loaded_to_the_end(file, tmp_path):
    settings = Settings(data_dir=tmp_path, context_tokens=256, threads=1)
    loading = threading.Event()

    def go_on_until_closed(_):
        loading.set()
        while True:
            model.require_open()

    model = LlamaCppModel("tiny", lambda: take_engine(str(file), settings, go_on_until_closed), ENGINES.give_back)

    async def close_early():
        asked = asyncio.create_task(model.generate(ModelRequest((Message("user", "w1"),))))
        await asyncio.to_thread(loading.wait, 30)
        await model.aclose()
        with pytest.raises(ModelError, match="is closed"):
            await asked

    asyncio.run(close_early())
    engine = take_engine(str(file), settings)  # nobody else is troubled
    ENGINES.give_back(engine)


def test_an_engine_that_ended_by_itself_is_not_given_to_the_next(file, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path, context_tokens=256, threads=1)
    dead = take_engine(str(file), settings)
    assert take_engine(str(file), settings) is dead
    with monkeypatch.context() as broken:
        broken.setattr(llama_cpp, "llama_decode", None)
        broken.setattr(threading, "excepthook", lambda _: None)
        lost = Generation([1, 2], Sampling())
        dead.submit(lost)
        with pytest.raises(ModelError, match="ended before the reply"):
            lost.future.result(60)
    alive = take_engine(str(file), settings)
    assert take_engine(str(file), settings) is alive and alive is not dead
    ENGINES.give_back(dead)
    assert dead.llama.tokenize("w1", special=False)  # somebody else may be at it
    ENGINES.give_back(dead)
    ENGINES.give_back(alive)
    assert not alive.ended
    ENGINES.give_back(alive)
    assert alive.ended


@pytest.mark.parametrize("kind", ["truncated", "unknown"])
def test_why_a_model_can_not_be_loaded_is_said(kind, file, tmp_path):
    bad = tmp_path / "bad.gguf"
    data, name = file.read_bytes(), b"\x05" + bytes(7)
    bad.write_bytes(data[:-5000] if kind == "truncated" else data.replace(name + b"llama", name + b"xxxxx", 1))
    with pytest.raises(ModelUnavailableError, match="not within the file bounds" if kind == "truncated" else "xxxxx"):
        Llama(bad)
