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

from agentfix.models.llamacpp.requests import Embedding, Generation, Request, Scoring
from agentfix.models.llamacpp.scheduler import BLOCK_ROWS, Scheduler
from agentfix.models.llamacpp.store import PrefixStore

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

    def __init__(self, context_tokens: int = CONTEXT, in_parts: bool = True,
                 sequences: int = 128) -> None:
        super().__init__(context_tokens)
        self.context_tokens = context_tokens
        self.in_parts = self.storable = in_parts
        self.reads_fast = False
        self.sequences = sequences
        self.samplers = 0
        self.batches: list[int] = []
        self.read: list[tuple[int, ...]] = []
        self.broken = False
        self.now = 0.0
        """Seconds: a batch takes one, and each of its rows a tenth."""

    def clock(self) -> float:
        return self.now

    def copy(self, source: int, target: int, tokens: int) -> None:
        assert self.in_parts or tokens == len(self.of(source)), "a recurrent memory can't be shared in part"
        super().copy(source, target, tokens)

    def decode(self, rows, *, hidden: bool = False) -> None:
        if self.broken:
            raise ModelError("llama.cpp failed.")
        self.batches.append(len(rows))
        self.now += 1 + len(rows) / 10
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

    def logprobs(self, tokens: Sequence[int], row: int) -> list[float]:
        return [-liking(token, self.read[row]) for token in tokens]

    def hidden(self, row: int) -> list[float]:
        return [float(sum(self.read[row]))]

    def save(self, sequence: int) -> bytes:
        return bytes(self.of(sequence))

    def load(self, sequence: int, state: bytes) -> bool:
        self.write(sequence, list(state))
        return True

    def piece(self, token: int, *, special: bool = False) -> bytes:
        return bytes([65 + token if special else 97 + token])


def finish(scheduler: Scheduler) -> None:
    for _ in range(20_000):
        if scheduler.idle:
            return
        scheduler.step()
    raise AssertionError("it goes on for ever")


def serve(scheduler: Scheduler, visits: Sequence[tuple[Request, int, int | None]]) -> None:
    """Requests that come before a step, and may leave so many steps later."""
    for step in range(100):
        for request, comes, leaves in visits:
            if comes == step:
                scheduler.add(request)
            if leaves is not None and comes + leaves == step:
                request.future.cancel()
        scheduler.step()
    finish(scheduler)


TOKENS = st.integers(1, 3)
ASKED = st.tuples(
    st.sampled_from(["write", "write alone", "score", "score alone", "embed"]),
    st.lists(TOKENS, min_size=1, max_size=CONTEXT - 9),
    st.integers(1, 36), st.integers(1, CONTEXT), st.integers(0, 3),
    st.lists(st.lists(TOKENS, min_size=1, max_size=3), min_size=1, max_size=4))


def request_of(how: str, prompt: list[int], n: int, max_tokens: int, seed: int, choices: list[list[int]]) -> Request:
    if how.startswith("score"):
        return Scoring(prompt, choices, deterministic=how == "score alone")
    if how == "embed":
        return Embedding(prompt)
    return Generation(prompt, Sampling(seed=seed, max_tokens=max_tokens), n, deterministic=how == "write alone")


def expected(how: str, prompt: list[int], n: int, max_tokens: int, seed: int, choices: list[list[int]]) -> list[object]:
    if how.startswith("score"):
        return [-sum(liking(token, prompt + choice[:i]) for i, token in enumerate(choice)) for choice in choices]
    if how == "embed":
        return [float(sum(prompt))]
    return [continued(prompt, seed + i, max(1, min(max_tokens, CONTEXT - len(prompt)))) for i in range(n)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(ASKED, st.integers(0, 30), st.none() | st.integers(0, 60)), min_size=1, max_size=8),
       st.booleans(), st.sampled_from([8, 128]))
def test_everyone_gets_what_they_would_get_alone_whoever_joins_and_leaves(asked, in_parts, sequences):
    model = CountingModel(in_parts=in_parts, sequences=sequences)
    scheduler = Scheduler(model, clock=model.clock)
    made = [request_of(*each) for each, _, _ in asked]
    serve(scheduler, [(request, comes, leaves) for request, (_, comes, leaves) in zip(made, asked, strict=True)])
    for request, (each, _, _) in zip(made, asked, strict=True):
        if not request.future.cancelled():
            given = [getattr(result, "text", result) for result in request.future.result(0)]
            assert given == expected(*each)
    assert model.samplers == 0
    whole = Generation([3] * (CONTEXT - 1), Sampling(max_tokens=1))
    scheduler.add(whole)
    finish(scheduler)  # nothing is held back
    assert whole.future.result(0)


def test_control_tokens_are_text_where_they_are_asked_for():
    model = CountingModel()
    scheduler = Scheduler(model, clock=model.clock)
    text = continued([2], 1, 5)
    asked = Generation([2], Sampling(seed=1, max_tokens=5), markers=frozenset({ord(text[1]) - 97}))
    scheduler.add(asked)
    finish(scheduler)
    assert asked.future.result(0)[0].text == text.replace(text[1], text[1].upper())


def test_a_deterministic_generation_is_computed_alone_from_an_empty_cache():
    model = CountingModel(1000)
    scheduler = Scheduler(model, clock=model.clock)
    before = Generation([1] * 100, Sampling(seed=1, max_tokens=30), 4)
    alone = Generation([1] * 100 + [2], Sampling(seed=1, max_tokens=30), 2, deterministic=True)
    after = Generation([3] * 100, Sampling(seed=1, max_tokens=30), 2)
    for each in (before, alone, after):
        scheduler.add(each)
    while not before.future.done():
        scheduler.step()
    first = len(model.batches)
    while not alone.future.done():
        scheduler.step()
    assert set(model.batches[first + 1:]) == {1} and model.batches[first] == 100
    assert [c.usage.cached_prompt_tokens for c in alone.future.result(0)] == [0, 0]
    assert not after.future.done()
    finish(scheduler)
    assert [c.text for c in after.future.result(0)] == [continued([3] * 100, seed, 30) for seed in (1, 2)]


def test_a_deterministic_generation_that_is_cancelled_or_refused_holds_nobody_up():
    model = CountingModel()
    scheduler = Scheduler(model, clock=model.clock)
    left = Generation([1] * 10, Sampling(max_tokens=90), 9, deterministic=True)
    refused = Generation([1] * 10, Sampling(max_tokens=9), grammar="bad", deterministic=True)
    after = Generation([1] * 10, Sampling(max_tokens=9))
    for each in (left, refused, after):
        scheduler.add(each)
    for _ in range(4):
        scheduler.step()
    left.future.cancel()
    finish(scheduler)
    with pytest.raises(ModelError, match="grammar"):
        refused.future.result(0)
    assert after.future.result(0)[0].text == continued([1] * 10, 0, 9) and model.samplers == 0


def test_a_static_prefix_is_read_by_one_process_for_the_next(tmp_path):
    static, batches = [1, 2] * 100, list[int]()
    for last in (3, 4):
        model, store = CountingModel(1000), PrefixStore(tmp_path, "m", 10_000)
        scheduler = Scheduler(model, store, model.clock)
        for more in ([last], [last, last]):
            asked = Generation([*static, *more, 5], Sampling(seed=1, max_tokens=5), static_tokens=len(static))
            scheduler.add(asked)
            finish(scheduler)
            assert asked.future.result(0)[0].text == continued(asked.prompt, 1, 5)
        store.close()
        batches.append(sum(model.batches))
    assert batches[0] > 200 and batches[1] < 30
    assert asked.future.result(0)[0].usage.cached_prompt_tokens >= 200


def test_a_prefix_that_does_not_fit_any_more_or_can_not_be_used_is_read_again(tmp_path):
    class Refusing(CountingModel):
        def load(self, sequence: int, state: bytes) -> bool:
            return False

    for model in (CountingModel(), Refusing()):
        store = PrefixStore(tmp_path, "m", 10_000)
        scheduler = Scheduler(model, store, model.clock)
        asked = Generation([1] * 80 + [3], Sampling(seed=1, max_tokens=5), static_tokens=80)
        scheduler.add(asked)
        finish(scheduler)
        store.close()
        assert asked.future.result(0)[0].text == continued(asked.prompt, 1, 5)


def test_samples_of_one_prompt_read_it_once():
    model = CountingModel()
    scheduler = Scheduler(model, clock=model.clock)
    scheduler.add(Generation([1] * 80, Sampling(max_tokens=4), 4))
    finish(scheduler)
    assert sum(model.batches) <= 79 + 4 * 4


def test_the_same_prompt_asked_by_many_is_read_once():
    model = CountingModel(2000)
    scheduler = Scheduler(model, clock=model.clock)
    for last in range(1, 9):
        scheduler.add(Generation([*[1] * 1000, last, 2], Sampling(max_tokens=2)))
    finish(scheduler)
    assert sum(model.batches) <= 1000 + 8 * 5


def test_a_long_prompt_holds_up_neither_writers_nor_short_prompts():
    model = CountingModel(6000)
    scheduler = Scheduler(model, clock=model.clock)
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
    assert all(size <= 2 * BLOCK_ROWS for size in model.batches[before:])


def test_what_repeats_the_prompt_takes_fewer_steps_and_stays_the_same():
    class Repeating(CountingModel):
        """Writes the alphabet again and again, with one letter of its own."""

        def draw(self, sampler: int, row: int) -> int | None:
            tokens = self.read[row]
            return 25 if len(tokens) == 260 else (tokens[-1] + 1) % 20 if tokens[-1] != 25 else 0

    model = Repeating(1000)
    scheduler = Scheduler(model, clock=model.clock)
    asked = Generation([i % 20 for i in range(200)], Sampling(max_tokens=400))
    scheduler.add(asked)
    finish(scheduler)
    written = [ord(c) - 97 for c in asked.future.result(0)[0].text]
    expected = [i % 20 for i in range(200, 260)] + [25] + [i % 20 for i in range(339)]
    assert written == expected
    assert len(model.batches) < 60


def test_guesses_are_checked_where_rows_are_nearly_free_and_not_where_they_cost():
    class Repeating(CountingModel):
        """Writes the alphabet again and again."""

        row_s = 0.0

        def draw(self, sampler: int, row: int) -> int | None:
            return (self.read[row][-1] + 1) % 20

        def decode(self, rows, *, hidden: bool = False) -> None:
            super().decode(rows, hidden=hidden)
            self.now += self.row_s * len(rows)

    def decoded(row_s: float, writers: int) -> list[int]:
        model = Repeating(6000)
        model.row_s = row_s
        scheduler = Scheduler(model, clock=model.clock)
        asked = Generation([i % 20 for i in range(100)], Sampling(max_tokens=100), writers)
        scheduler.add(asked)
        finish(scheduler)
        assert {each.usage.completion_tokens for each in asked.future.result(0)} == {100}
        return model.batches

    assert len(decoded(0.0, 1)) < 20
    assert len(decoded(0.0, 4)) < 50
    dear = decoded(1000.0, 4)
    assert len([size for size in dear[1:] if size > 4]) <= 2  # it tries


def test_small_requests_that_keep_coming_do_not_starve_a_large_one_or_a_scoring():
    model = CountingModel()
    scheduler = Scheduler(model, clock=model.clock)
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
    scheduler = Scheduler(model, clock=model.clock)
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
def test_choices_are_scored_whole_beside_each_other_and_what_is_written(in_parts):
    model = CountingModel(in_parts=in_parts)
    scheduler = Scheduler(model, clock=model.clock)
    writer = Generation([2], Sampling(seed=1, max_tokens=20))
    scheduler.add(writer)
    scheduler.step()
    before = len(model.batches)
    choices = [[1, 2, 3], [1, 2, 2], [4]]
    scored = Scoring([1] * 30, choices)
    scheduler.add(scored)
    scheduler.step()
    scheduler.step()
    assert scored.future.result(0) == expected("score", [1] * 30, 0, 0, 0, choices)
    assert model.batches[before:] == [1 + 30, 1 + 4]
    finish(scheduler)
    assert writer.future.result(0)[0].text == continued([2], 1, 20)


def test_more_choices_than_sequences_are_scored_one_part_after_another():
    model = CountingModel(1000, sequences=8)
    scheduler = Scheduler(model, clock=model.clock)
    choices = [[1 + i % 3, 1 + i // 3 % 3, 1 + i // 9] for i in range(27)]
    scored = Scoring([1] * 40, [*choices, [2]])
    scheduler.add(scored)
    scheduler.add(Generation([2], Sampling(seed=1, max_tokens=20), 20))
    finish(scheduler)
    assert scored.future.result(0) == expected("score", [1] * 40, 0, 0, 0, [*choices, [2]])


def test_a_long_prompt_to_be_scored_holds_no_writer_up():
    model = CountingModel(6000)
    scheduler = Scheduler(model, clock=model.clock)
    scheduler.add(Generation([2], Sampling(seed=1, max_tokens=1000)))
    scheduler.step()
    before = len(model.batches)
    scheduler.add(Scoring([1] * 1000, [[1]]))
    for _ in range(10):
        scheduler.step()
    assert all(size <= 2 * BLOCK_ROWS for size in model.batches[before:])


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
    scheduler = Scheduler(model, clock=model.clock)
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
