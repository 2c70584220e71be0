"""Local models that are closed, or end, while somebody asks them."""

from __future__ import annotations

import asyncio

import pytest

from agentfix.errors import ContextOverflowError, InputError, ModelError
from agentfix.types import Message, ModelRequest, Sampling

pytestmark = pytest.mark.local_model


def asked(question="Name three fruits.", *, n=1, top_logprobs=0, **sampling):
    return ModelRequest((Message("user", question),), Sampling(**{"max_tokens": 2, **sampling}), n,
                        top_logprobs=top_logprobs)


async def ended(future):
    """What a call gave or raised."""
    return (await asyncio.gather(future, return_exceptions=True))[0]


@pytest.mark.parametrize("ask", [
    lambda model: model.generate(asked("word " * 50_000)),
    lambda model: model.embed(["word " * 50_000]),
    lambda model: model.score((Message("user", "word " * 50_000),), ("yes", "no")),
], ids=["generate", "embed", "score"])
async def test_a_model_is_not_freed_under_a_question_that_is_still_tokenized(model, ask):
    await model.generate(asked())
    asking = [asyncio.ensure_future(ask(model)) for _ in range(3)]
    await asyncio.sleep(0)  # they have begun
    await model.aclose()
    for each in asking:
        assert isinstance(await ended(each), ContextOverflowError | ModelError)


async def test_after_an_engine_ended_by_itself_another_is_loaded(model, monkeypatch):
    await model.generate(asked())
    engine = model._loaded[0]

    def fails(*_args, **_options):
        raise RuntimeError("not foreseen")

    with monkeypatch.context() as broken:
        broken.setattr("llama_cpp.llama_decode", fails)
        broken.setattr("threading.excepthook", lambda _: None)
        with pytest.raises(ModelError, match="ended before the reply"):
            await model.generate(asked("Name a river."))
        engine._thread.join()  # its last words come after its requests were told
    assert (await model.generate(asked()))[0].text
    assert model._loaded[0] is not engine


@pytest.mark.parametrize(("request_", "complaint"), [
    (asked(n=0), "n can't be 0"),
    (asked(n=-1), "n can't be -1"),
    (asked(top_logprobs=-1), "top_logprobs can't be -1"),
    (asked(max_tokens=-1), "max_tokens can't be -1"),
    (asked(max_tokens="5"), "max_tokens can't be '5'"),
    (asked(temperature="hot"), "as the sampling says"),
    (asked(logit_bias={5: 1.0}), "as the sampling says"),
    (asked(temperature=1.0, seed=1.5), "as the sampling says"),
])
async def test_a_request_that_is_wrong_is_refused_and_ends_no_other(model, request_, complaint):
    other = asyncio.ensure_future(model.generate(asked(max_tokens=16)))
    with pytest.raises((InputError, ModelError), match=complaint):
        await asyncio.wait_for(model.generate(request_), 60)
    assert (await other)[0].text
    assert (await model.generate(asked()))[0].text


async def test_more_alternatives_than_there_are_tokens_are_all_there_are(model):
    [completion] = await model.generate(asked(max_tokens=1, top_logprobs=10**6))
    likeliest, *others = completion.logprobs[0].top
    assert likeliest[0] == completion.text and len(others) > 1000
