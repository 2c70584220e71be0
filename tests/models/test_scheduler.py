"""Continuous batching, over a model whose next token follows from all that it has read, and counted cells."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix.errors import ContextOverflowError, ModelError
from agentfix.types import Sampling, TokenLogprob
from tests.models.cells import Cells

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                    exc_type=ImportError)

from agentfix.models.llamacpp.requests import Generation, Scoring
from agentfix.models.llamacpp.scheduler import CHUNK_TOKENS, Scheduler

CONTEXT = 100
END = 0


def next_token(tokens: Sequence[int], seed: int) -> int:
    return sum((i + 3) * token for i, token in enumerate(tokens, seed)) * 7919 // 13 % 17


def liking(token: int, read: Sequence[int]) -> float:
    return float(token * 100 + sum(read) % 17)


def continued(prompt: Sequence[int], seed: int, max_tokens: int) -> str:
    """What the model writes when it is alone."""
    tokens, text = list(prompt), ""
    while len(tokens) - len(prompt) < max_tokens and (token := next_token(tokens, seed)) != END:
        tokens.append(token)
        text += chr(97 + token)
    return text


class CountingModel(Cells):
    """A decoder that keeps what it is told, and notices what llama.cpp would get wrong."""

    def __init__(self, context_tokens: int = CONTEXT, in_parts: bool = True) -> None:
        super().__init__(context_tokens)
        self.context_tokens = context_tokens
        self.in_parts = in_parts
        self.samplers = 0
        self.batches: list[int] = []
        self.read: list[tuple[int, ...]] = []
        self.broken = False

    def copy(self, source: int, target: int, tokens: int) -> None:
        assert self.in_parts or tokens == len(self.of(source)), "a recurrent memory can't be shared in part"
        super().copy(source, target, tokens)

    def decode(self, rows) -> None:
        if self.broken:
            raise ModelError("llama.cpp failed.")
        self.batches.append(len(rows))
        self.read = []
        for row in rows:
            assert row.position == len(self.of(row.sequence))
            self.write(row.sequence, [row.token])
            self.read.append(tuple(self.of(row.sequence)) if row.wanted else ())

    def forget_all(self) -> None:
        self.cells.clear()

    def sampler(self, sampling: Sampling, index: int, grammar: str | None) -> int:
        if grammar == "bad":
            raise ModelError("llama.cpp can't use the grammar.")
        self.samplers += 1
        return sampling.seed + index

    def free_sampler(self, sampler: int) -> None:
        self.samplers -= 1

    def draw(self, sampler: int, row: int) -> int | None:
        token = next_token(self.read[row], sampler)
        return None if token == END else token

    def logprob(self, token: int, row: int, top: int) -> TokenLogprob:
        return TokenLogprob(chr(97 + token), -liking(token, self.read[row]), ())

    def piece(self, token: int, *, special: bool = False) -> bytes:
        return bytes([65 + token if special else 97 + token])


def finish(scheduler: Scheduler) -> None:
    for _ in range(20_000):
        if scheduler.idle:
            return
        scheduler.step()
    raise AssertionError("it goes on for ever")


ASKED = st.tuples(
    st.lists(st.integers(1, 3), min_size=1, max_size=CONTEXT - 1), st.integers(1, 36),
    st.integers(1, CONTEXT), st.integers(0, 3), st.integers(0, 30), st.none() | st.integers(0, 60))


@settings(max_examples=100, deadline=None)
@given(st.lists(ASKED, min_size=1, max_size=8), st.booleans())
def test_everyone_gets_what_they_would_get_alone_whoever_joins_and_leaves(asked, in_parts):
    model = CountingModel(in_parts=in_parts)
    scheduler = Scheduler(model)
    made = [Generation(prompt, Sampling(seed=seed, max_tokens=max_tokens), n)
            for prompt, n, max_tokens, seed, _, _ in asked]
    for step in range(100):
        for generation, (*_, comes, leaves) in zip(made, asked, strict=True):
            if comes == step:
                scheduler.add(generation)
            if leaves is not None and comes + leaves == step:
                generation.future.cancel()
        scheduler.step()
    finish(scheduler)
    for generation, (prompt, n, max_tokens, seed, *_) in zip(made, asked, strict=True):
        most = max(1, min(max_tokens, CONTEXT - len(prompt)))
        if generation.future.cancelled():
            continue
        assert [c.text for c in generation.future.result(0)] == [continued(prompt, seed + i, most) for i in range(n)]
    assert model.samplers == 0
    whole = Generation([3] * (CONTEXT - 1), Sampling(max_tokens=1))
    scheduler.add(whole)
    finish(scheduler)  # nothing is held back
    assert whole.future.result(0)


def test_control_tokens_are_text_where_they_are_asked_for():
    model = CountingModel()
    scheduler = Scheduler(model)
    text = continued([2], 1, 5)
    asked = Generation([2], Sampling(seed=1, max_tokens=5), markers=frozenset({ord(text[1]) - 97}))
    scheduler.add(asked)
    finish(scheduler)
    assert asked.future.result(0)[0].text == text.replace(text[1], text[1].upper())


def test_samples_of_one_prompt_read_it_once():
    model = CountingModel()
    scheduler = Scheduler(model)
    scheduler.add(Generation([1] * 80, Sampling(max_tokens=4), 4))
    finish(scheduler)
    assert sum(model.batches) <= 79 + 4 * 4


def test_the_same_prompt_asked_by_many_is_read_once():
    model = CountingModel(2000)
    scheduler = Scheduler(model)
    for last in range(1, 9):
        scheduler.add(Generation([*[1] * 1000, last, 2], Sampling(max_tokens=2)))
    finish(scheduler)
    assert sum(model.batches) <= 1000 + 8 * 5


def test_a_long_prompt_holds_up_neither_writers_nor_short_prompts():
    model = CountingModel(6000)
    scheduler = Scheduler(model)
    writer = Generation([2], Sampling(seed=1, max_tokens=1000))
    assert len(continued([2], 1, 1000)) > 20
    scheduler.add(writer)
    for _ in range(3):
        scheduler.step()
    scheduler.add(Generation([1] * 4000, Sampling(max_tokens=1)))
    short = Generation([3] * 10, Sampling(max_tokens=1))
    scheduler.add(short)
    before = len(model.batches)
    for _ in range(4):
        scheduler.step()
    assert short.future.done()
    assert all(size <= CHUNK_TOKENS + 2 for size in model.batches[before:])


def test_what_repeats_the_prompt_takes_fewer_steps_and_stays_the_same():
    class Repeating(CountingModel):
        """Writes the alphabet again and again, with one letter of its own."""

        def draw(self, sampler: int, row: int) -> int | None:
            tokens = self.read[row]
            return 25 if len(tokens) == 260 else (tokens[-1] + 1) % 20 if tokens[-1] != 25 else 0

    model = Repeating(1000)
    scheduler = Scheduler(model)
    asked = Generation([i % 20 for i in range(200)], Sampling(max_tokens=400))
    scheduler.add(asked)
    finish(scheduler)
    written = [ord(c) - 97 for c in asked.future.result(0)[0].text]
    expected = [i % 20 for i in range(200, 260)] + [25] + [i % 20 for i in range(339)]
    assert written == expected
    assert len(model.batches) < 60


def test_small_requests_that_keep_coming_do_not_starve_a_large_one_or_a_scoring():
    model = CountingModel()
    scheduler = Scheduler(model)
    small = [Generation([1, 2, 3], Sampling(seed=seed, max_tokens=40)) for seed in range(300)]
    large = Generation([2] * 60, Sampling(max_tokens=CONTEXT - 60))
    scored = Scoring([1] * 90, [[1, 2]])
    for number, each in enumerate(small):
        scheduler.add(each)
        if number == 3:
            scheduler.add(large)
        if number == 4:
            scheduler.add(scored)
        scheduler.step()
    for _ in range(200):
        scheduler.step()
    assert large.future.done() and scored.future.done() and not small[-1].future.done()
    finish(scheduler)


def test_a_cancelled_generation_frees_its_cells_before_the_next_token():
    model = CountingModel()
    scheduler = Scheduler(model)
    first = Generation([2], Sampling(seed=1, max_tokens=CONTEXT - 1))
    second = Generation([3], Sampling(seed=1, max_tokens=CONTEXT - 1))
    scheduler.add(first)
    scheduler.add(second)
    for _ in range(5):
        scheduler.step()
    assert not first.future.done() and not second.future.done()
    first.future.cancel()
    finish(scheduler)
    assert second.future.result(0)[0].text == continued([3], 1, CONTEXT - 1)
    with pytest.raises(CancelledError):
        first.future.result(0)


@pytest.mark.parametrize("in_parts", [True, False])
def test_choices_are_scored_whole_in_one_batch_beside_what_is_written(in_parts):
    model = CountingModel(in_parts=in_parts)
    scheduler = Scheduler(model)
    writer = Generation([2], Sampling(seed=1, max_tokens=20))
    first = Generation([1] * 40, Sampling(max_tokens=1))
    scheduler.add(first)
    scheduler.add(writer)
    while not first.future.done():
        scheduler.step()
    choices = [[1, 2, 3], [1, 2, 2], [4]]
    scored = Scoring([1] * 40, choices)
    scheduler.add(scored)
    before = len(model.batches)
    scheduler.step()
    assert scored.future.result(0) == [
        -sum(liking(token, [1] * 40 + choice[:i]) for i, token in enumerate(choice)) for choice in choices]
    assert model.batches[before] == 7
    finish(scheduler)
    assert writer.future.result(0)[0].text == continued([2], 1, 20)


def test_choices_that_do_not_fit_wait_and_those_that_never_will_fail():
    scheduler = Scheduler(CountingModel())
    writer = Generation([2], Sampling(seed=1, max_tokens=CONTEXT - 10))
    scheduler.add(writer)
    scheduler.step()
    never, later, left = (Scoring([1] * size, [[1, 2], [3]]) for size in (CONTEXT, 50, 60))
    for asked in (never, later, left):
        scheduler.add(asked)
    left.future.cancel()
    finish(scheduler)
    assert later.future.result(0) and writer.future.result(0)[0].text == continued([2], 1, CONTEXT - 10)
    with pytest.raises(ContextOverflowError):
        never.future.result(0)


def test_a_failure_of_the_model_is_told_to_all_and_the_next_is_served():
    model = CountingModel()
    scheduler = Scheduler(model)
    lost: list[Generation | Scoring] = [Generation([i, 1], Sampling(max_tokens=9), 3) for i in (1, 2)]
    for each in lost:
        scheduler.add(each)
    scheduler.step()
    model.broken = True
    lost.append(Scoring([1, 1], [[2]]))
    scheduler.add(lost[-1])
    finish(scheduler)
    for each in lost:
        with pytest.raises(ModelError, match=r"llama\.cpp failed"):
            each.future.result(0)
    model.broken = False
    again = Generation([1, 1], Sampling(max_tokens=9))
    scheduler.add(again)
    finish(scheduler)
    assert again.future.result(0)[0].text == continued([1, 1], 0, 9)
    assert model.samplers == 0


def test_a_grammar_that_is_no_use_fails_its_own_request_alone():
    scheduler = Scheduler(CountingModel())
    bad, good = Generation([1, 2], Sampling(), grammar="bad"), Generation([1, 2], Sampling(max_tokens=3))
    scheduler.add(bad)
    scheduler.add(good)
    finish(scheduler)
    with pytest.raises(ModelError, match="grammar"):
        bad.future.result(0)
    assert good.future.result(0)


def test_what_can_never_fit_fails_at_once():
    scheduler = Scheduler(CountingModel())
    asked = Generation([1] * CONTEXT, Sampling())
    scheduler.add(asked)
    assert scheduler.idle
    with pytest.raises(ContextOverflowError):
        asked.future.result(0)
