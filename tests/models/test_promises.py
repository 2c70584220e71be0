"""What a request may count on: its room, its turn, and that the faults of others are not its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix.errors import ContextOverflowError
from agentfix.types import Sampling, TokenLogprob

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                    exc_type=ImportError)

from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.sampler import LostGrammarError
from agentfix.models.llamacpp.scheduler import Scheduler
from agentfix.models.llamacpp.store import PrefixStore
from tests.models.test_scheduler import CONTEXT, CountingModel, finish, serve

LETTERS = 20


class EndlessModel(CountingModel):
    """Writes for as long as it may."""

    def draw(self, sampler: int, row: int) -> int | None:
        return sum(self.read[row]) % 16 + 1


class RepeatingModel(CountingModel):
    """Writes the alphabet again and again; now and then it goes on elsewhere, or ends."""

    def draw(self, sampler: int, row: int) -> int | None:
        return self.after(self.read[row], sampler)

    def logprob(self, token: int, row: int, top: int) -> TokenLogprob:
        return TokenLogprob(chr(97 + token), -float(sum(self.read[row])), ())

    @staticmethod
    def after(tokens: Sequence[int], seed: int) -> int | None:
        chance = (sum(tokens[-5:]) * 31 + len(tokens) // 7 * 17 + seed * 5) % 23
        return None if chance == 0 else chance * 7 % LETTERS if chance < 3 else (tokens[-1] + 1) % LETTERS


def written_alone(prompt: list[int], seed: int, max_tokens: int, stop: tuple[str, ...]) -> tuple[str, str, list[float]]:
    """The text, why it ended, and the log-probability of each token."""
    tokens, text, logprobs = list(prompt), "", list[float]()
    while len(logprobs) < max_tokens:
        token = RepeatingModel.after(tokens, seed)
        if token is None:
            return text, "stop", logprobs
        logprobs.append(-float(sum(tokens)))
        tokens.append(token)
        text += chr(97 + token)
        for each in stop:
            if each in text:
                return text[:text.index(each)], "stop", logprobs
    return text, "length", logprobs


STOPS = st.sampled_from([(), ("def",), ("st", "zz"), ("abcdefgh",)])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, CONTEXT - 2), st.integers(0, LETTERS), st.integers(0, 5),
                          st.integers(1, CONTEXT), STOPS, st.sampled_from([1, 2, 5, 33]), st.integers(0, 30),
                          st.none() | st.integers(0, 20)), min_size=1, max_size=6))
def test_guesses_that_hold_change_nothing_but_the_number_of_batches(asked):
    model = RepeatingModel()
    scheduler = Scheduler(model, clock=model.clock)
    made = list[tuple[Generation, dict[int, str]]]()
    for size, first, seed, max_tokens, stop, n, _, _ in asked:
        told = dict[int, str]()

        def hear(index: int, text: str, told: dict[int, str] = told) -> None:
            told[index] = told.get(index, "") + text

        made.append((Generation([(first + i) % LETTERS for i in range(size)], Sampling(
            seed=seed, max_tokens=max_tokens, stop=stop), n, top_logprobs=1, on_text=hear), told))
    serve(scheduler, [(request, comes, leaves) for (request, _), (*_, comes, leaves) in zip(made, asked, strict=True)])
    for request, told in made:
        if request.future.cancelled():
            continue
        for index, each in enumerate(request.future.result(0)):
            most = min(request.sampling.max_tokens, CONTEXT - len(request.prompt))
            assert (each.text, each.finish_reason, [token.logprob for token in each.logprobs]) == written_alone(
                list(request.prompt), request.sampling.seed + index, most, request.sampling.stop)
            assert told.get(index, "") == each.text
    assert model.samplers == 0


def test_who_left_before_it_was_looked_at_can_not_fail():
    scheduler = Scheduler(CountingModel())
    left, never = Generation([1] * CONTEXT, Sampling()), Generation([1] * CONTEXT, Sampling())
    left.future.cancel()
    for each in (left, never):
        scheduler.add(each)
    with pytest.raises(ContextOverflowError):
        never.future.result(0)


def test_what_is_read_from_disk_takes_no_room_that_others_were_promised(tmp_path: Path):
    static = [1] * 60 + [3] * 30
    for model in (EndlessModel(1000), EndlessModel(170)):
        store = PrefixStore(tmp_path, "m", 10_000)
        scheduler = Scheduler(model, store, model.clock)
        writer = Generation([1] * 60 + [2], Sampling(max_tokens=60))
        scheduler.add(writer)
        for _ in range(4):
            scheduler.step()
        joining = Generation([*static, 7], Sampling(max_tokens=15), static_tokens=len(static))
        scheduler.add(joining)
        finish(scheduler)
        store.close()
        assert [each.future.result(0)[0].usage.completion_tokens for each in (writer, joining)] == [60, 15]


def test_who_loses_the_grammar_fails_alone_with_all_samples():
    class Losing(EndlessModel):
        """Loses the grammar of the second sample after a while."""

        def draw(self, sampler: int, row: int) -> int | None:
            if sampler == 101 and len(self.read[row]) > 5:
                raise LostGrammarError("It grew too complex.")
            return super().draw(sampler, row)

    model = Losing()
    scheduler = Scheduler(model, clock=model.clock)
    lost, other = (Generation([1, 2], Sampling(seed=seed, max_tokens=20), 3) for seed in (100, 0))
    for each in (lost, other):
        scheduler.add(each)
    finish(scheduler)
    with pytest.raises(LostGrammarError):
        lost.future.result(0)
    assert len(other.future.result(0)) == 3 and model.samplers == 0
