"""What once ended the process, the engine's thread or a request without a word is answered, or refused in one line."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agentfix.errors import ModelError
from agentfix.types import Message, ModelRequest, Sampling

pytestmark = pytest.mark.local_model

ASKED = ModelRequest((Message("user", "Name three fruits."),), Sampling(max_tokens=4))


@pytest.mark.parametrize("run", ["A" * 100_000, "\n" * 100_000, "-=" * 50_000, "é" * 100_000])
def test_a_text_without_a_break_is_tokenized_whatever_the_vocabulary_splits_by(model_file, tmp_path, run):
    from agentfix.models.llamacpp.llama import Llama

    data = bytearray(model_file.read_bytes())
    key = b"tokenizer.ggml.pre"
    kind = data.index(b"smollm", data.index(key))
    data[kind:kind + 6] = b"gpt-4o"  # which llama.cpp splits by std::regex
    file = tmp_path / "other.gguf"
    file.write_bytes(data)
    llama = Llama(file, context_tokens=256, threads=1)
    text = f"Once: {run} and no more."
    with ThreadPoolExecutor(1) as threads:  # whose stack is no larger than it is where requests are prepared
        tokens = threads.submit(llama.tokenize, text, special=False).result()
    assert b"".join(llama.piece(token) for token in tokens).decode() == text
    llama.close()


async def test_more_alternatives_than_there_are_tokens_are_all_of_them(model):
    completion, = await model.generate(replace(ASKED, top_logprobs=10**6, sampling=Sampling(max_tokens=1)))
    assert len(completion.logprobs[0].top) == 49_152


def test_penalties_need_no_more_memory_than_the_context(engine_of):
    from agentfix.models.llamacpp.requests import Generation

    engine = engine_of(256)
    prompt = engine.llama.tokenize("One two three one two three one two", special=False)
    made = [Generation(prompt, Sampling(max_tokens=tokens, repeat_penalty=1.5)) for tokens in (256, 2**32)]
    for each in made:
        engine.submit(each)
    one, other = (each.future.result(timeout=60)[0].text for each in made)
    assert one == other


async def test_a_grammar_that_grows_too_complex_is_an_error_and_no_short_text(model):
    pytest.importorskip("llguidance")
    with pytest.raises(ModelError, match="too complex for llguidance"):
        await model.generate(replace(ASKED, regex="a{999999}"))
    assert (await model.generate(ASKED))[0].text


async def test_a_model_is_not_freed_while_a_cancelled_request_is_still_prepared(model_file):
    from agentfix.models.llamacpp.engine import Engine
    from agentfix.models.llamacpp.llama import Llama
    from agentfix.models.llamacpp.model import LlamaCppModel

    begun, freed, early = threading.Event(), threading.Event(), list[bool]()

    class Slow(Llama):
        def tokenize(self, text, *, special):
            begun.set()
            early.append(freed.wait(0.3))
            return [1]

    def free(engine):
        freed.set()
        engine.close()

    model = LlamaCppModel("llamacpp:slow", lambda: Engine(Slow(model_file, context_tokens=256, threads=1)), free)
    asking = asyncio.create_task(model.generate(ASKED))
    await asyncio.to_thread(begun.wait)
    asking.cancel()
    await model.aclose()
    assert freed.is_set() and not any(early)
