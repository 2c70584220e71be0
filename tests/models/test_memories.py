"""Requests that share what lies in the cache get what they would get alone, whatever the model remembers with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from agentfix.errors import ModelError
from agentfix.types import Completion, Sampling

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                    exc_type=ImportError)

from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.requests import Embedding, Generation, Scoring
from agentfix.models.llamacpp.store import PrefixStore
from tests.models import tiny_gguf

KINDS = ("llama", "gemma2", "mamba", "jamba", "lfm2")
CONTEXT = 256
GREEDY = Sampling(temperature=0.0, max_tokens=12)
NOISE = 0.05
"""How much a log-probability may move with the tokens that are decoded beside it, in a cache of 16-bit numbers."""


class Reference:
    """Completes prompts one by one, each in a fresh context."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[tuple[int, ...], list[tuple[str, float]]] = {}

    def alone(self, prompt: list[int]) -> list[tuple[str, float]]:
        """A greedy completion, token by token with their log-probabilities, up to the first near tie."""
        key = tuple(prompt)
        if key not in self._known:
            self._known[key] = list(self._complete(prompt))
        return self._known[key]

    def _complete(self, prompt: list[int]) -> Iterator[tuple[str, float]]:
        llama = Llama(self._file, context_tokens=CONTEXT, threads=1)
        try:
            sampler = llama.sampler(GREEDY, 0, None)
            llama.decode([Row(token, i, 0, i == len(prompt) - 1) for i, token in enumerate(prompt)])
            row = len(prompt) - 1
            for position in range(len(prompt), len(prompt) + GREEDY.max_tokens):
                token = llama.draw(sampler, row)
                if token is None:
                    return
                likely = llama.logprob(token, row, 2)
                if likely.top[0][1] - likely.top[1][1] < NOISE:
                    return
                yield likely.token, likely.logprob
                llama.decode([Row(token, position, 0, True)])
                row = 0
            llama.free_sampler(sampler)
        finally:
            llama.close()

    def check(self, prompt: list[int], completion: Completion) -> None:
        expected = self.alone(prompt)
        got = completion.logprobs[:len(expected)]
        assert [token.token for token in got] == [token for token, _ in expected]
        assert [token.logprob for token in got] == pytest.approx([likely for _, likely in expected], abs=NOISE)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def file(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(kind, tmp_path_factory.mktemp("tiny") / f"{kind}.gguf")


@pytest.fixture(scope="module")
def reference(file: Path) -> Reference:
    return Reference(file)


@pytest.fixture
def engine_of(file: Path) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(context_tokens: int = CONTEXT, store: PrefixStore | None = None) -> Engine:
        made.append(Engine(Llama(file, context_tokens=context_tokens, threads=1), store))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def submitted(engine: Engine, prompt: list[int], n: int = 1, **more: Any) -> Generation:
    asked = Generation(prompt, GREEDY, n, top_logprobs=1, **more)
    engine.submit(asked)
    return asked


def completed(engine: Engine, prompt: list[int], n: int = 1, **more: Any) -> list[Completion]:
    return submitted(engine, prompt, n, **more).future.result(timeout=30)


def words(seed: int, count: int) -> list[int]:
    chosen = random.Random(seed)
    return [chosen.randrange(3, tiny_gguf.VOCABULARY) for _ in range(count)]


def family(seed: int) -> list[list[int]]:
    """Prompts that part from one another at several places, and some that begin as another whole one does."""
    base = words(seed, 90)
    return [base, base[:40] + words(seed + 1, 30), base[:75] + words(seed + 2, 20), base[:3] + words(seed + 3, 50),
            base + words(seed + 4, 10), base[:60], base[:88] + words(seed + 5, 4) * 4]


def test_one_after_another(engine_of, reference):
    engine = engine_of()
    for prompt in [*family(1), *family(1)]:
        for completion in completed(engine, prompt):
            reference.check(prompt, completion)


def test_samples_of_one_prompt(engine_of, reference):
    engine = engine_of()
    for prompt in family(1)[:3]:
        completions = completed(engine, prompt, n=3)
        assert len(completions) == 3
        for completion in completions:
            reference.check(prompt, completion)


def test_after_evictions_and_in_any_order(engine_of, reference):
    """The families take turns in a cache that holds less than two of them."""
    engine = engine_of()
    prompts = list(chain(*(family(10 * seed) for seed in range(4))))
    for seed in range(2):
        random.Random(seed).shuffle(prompts)
        for prompt in prompts:
            for completion in completed(engine, prompt, n=1 + len(prompt) % 3):
                reference.check(prompt, completion)


def test_together(engine_of, reference):
    engine = engine_of(2 * CONTEXT)
    prompts = list(chain(*(family(10 * seed) for seed in range(4))))
    for seed in range(2):
        random.Random(seed).shuffle(prompts)
        asked = [(prompt, submitted(engine, prompt, n=1 + 2 * (i % 2))) for i, prompt in enumerate(prompts)]
        for prompt, each in asked:
            for completion in each.future.result(timeout=30):
                reference.check(prompt, completion)


def test_a_conversation_goes_on_where_it_was(engine_of, reference):
    engine, prompt = engine_of(), words(7, 50)
    for turn in range(4):
        completion, = completed(engine, prompt)
        reference.check(prompt, completion)
        if turn:
            assert completion.usage.cached_prompt_tokens >= 49
        prompt = prompt + words(turn, 12)


def test_alone_between_others(engine_of, reference):
    engine = engine_of()
    for i, prompt in enumerate(family(1)):
        for completion in completed(engine, prompt, n=3, deterministic=bool(i % 2)):
            reference.check(prompt, completion)


def test_a_prefix_that_another_process_read(kind, engine_of, reference, tmp_path):
    """Prompts go on from the stored prefix, and part from it in its middle."""
    prompts, static = family(1), 80
    for others in (prompts[:1], prompts[4:5] + prompts[1:4]):
        store = PrefixStore(tmp_path, kind, 10**7)
        engine = engine_of(store=store)
        for prompt in others:
            begins_so = prompt[:static] == prompts[0][:static]
            completion, = completed(engine, prompt, static_tokens=static if begins_so else 0)
            reference.check(prompt, completion)
        engine.close()
    assert bool(list(tmp_path.iterdir())) == (kind == "llama")


def test_embeddings_are_those_of_a_fresh_context(engine_of):
    def embedded(engine, prompt):
        asked = Embedding(prompt)
        engine.submit(asked)
        return asked.future.result(timeout=30)

    engine = engine_of()
    for prompt in family(1):
        assert embedded(engine, prompt) == pytest.approx(embedded(engine_of(), prompt), rel=0.05, abs=NOISE)


def test_a_refusal_to_forget_is_noticed(kind, engine_of):
    llama = engine_of().llama
    llama.decode([Row(token, i, 0, False) for i, token in enumerate(words(1, 8))])
    if llama.in_parts:
        llama.cut(0, 5)
        llama.decode([Row(9, 5, 0, True)])
    else:
        with pytest.raises(ModelError, match="refuses to forget"):
            llama.cut(0, 5)
    llama.forget(0)
    llama.decode([Row(9, 0, 0, True)])


def test_a_text_may_have_more_tokens_than_bytes(engine_of):
    llama = engine_of().llama
    tokens = llama.tokenize(" " * 50, special=False)
    assert len(tokens) > 100
    assert b"".join(map(llama.piece, tokens)).decode().replace("\u2581", " ").strip(" ") == ""


def test_choices_are_scored_as_alone(engine_of):
    prompt, choices = words(3, 60), [words(seed, 3) for seed in range(8)]
    engine, scores = engine_of(), []
    for asked in (Scoring(prompt, choices), Scoring(prompt, choices[::-1])):
        engine.submit(asked)
        scores.append(asked.future.result(timeout=30))
    one_by_one = []
    for choice in choices:
        asked = Scoring(prompt, [choice])
        fresh = engine_of()
        fresh.submit(asked)
        one_by_one += asked.future.result(timeout=30)
    assert scores[0] == pytest.approx(one_by_one, abs=3 * NOISE)
    assert scores[1] == pytest.approx(one_by_one[::-1], abs=3 * NOISE)
