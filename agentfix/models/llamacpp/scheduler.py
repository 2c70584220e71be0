"""Continuous batching: requests join and leave the running batch between any two tokens.

After Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models" (OSDI 2022), section 3,
with prompts read in chunks beside the decoding, as in Agrawal et al., "Sarathi-Serve" (OSDI 2024), section 4.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from agentfix.errors import AgentFixError, ContextOverflowError, ModelError
from agentfix.models.llamacpp.alone import Alone, Choosing, Writing
from agentfix.models.llamacpp.choices import Choices
from agentfix.models.llamacpp.decoder import Decoder
from agentfix.models.llamacpp.drafts import Drafts
from agentfix.models.llamacpp.guessing import MOST_GUESSES, Durations, worth_checking
from agentfix.models.llamacpp.llama import BATCH_TOKENS
from agentfix.models.llamacpp.prefixes import PrefixTree
from agentfix.models.llamacpp.reading import Reading
from agentfix.models.llamacpp.requests import Embedding, Generation, Request, Scoring
from agentfix.models.llamacpp.sample import Sample
from agentfix.models.llamacpp.sampler import LostGrammarError
from agentfix.models.llamacpp.store import PrefixStore

PARALLEL = 32
"""The most completions that are written together."""
READING = 16
"""The most prompts that are read, or wait for their samples, at once: sequences must be left for the samples."""
BLOCK_ROWS = 16
"""llama.cpp's processor code multiplies so many rows at once: 17 take as long as 20, and 16 hardly longer than 12."""


class Scheduler:
    """Decides what is decoded next. Belongs to one thread.

    Args:
        llama: the model and its context.
        store: where prefixes that other processes ask for are kept; None to keep none.
        clock: tells seconds.
    """

    def __init__(self, llama: Decoder, store: PrefixStore | None = None,
                 clock: Callable[[], float] = time.perf_counter) -> None:
        self._llama = llama
        self._clock = clock
        self._durations = Durations()
        self._settled = False
        """Whether the last batch is computed: a GPU goes on after `decode`, until something is drawn."""
        self._store = store if llama.storable else None
        self._tree = PrefixTree(llama, llama.context_tokens, llama.sequences, in_parts=llama.in_parts)
        self._waiting: list[Reading] = []
        """Oldest first; they are not read yet, or wait for room for their samples or choices."""
        self._writing: list[tuple[Reading, Sample]] = []
        self._alone: Alone | None = None
        """What the first of those that wait does, when it must be alone."""
        self._steps = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._writing

    def add(self, asked: Request) -> None:
        """Take a request, which fails at once if it can't ever be served."""
        most = self._llama.context_tokens
        writes = isinstance(asked, Generation)
        if not asked.prompt or len(asked.prompt) + (1 if writes else asked.cells) > most:
            _fail(asked, ContextOverflowError(
                f"The prompt has {len(asked.prompt)} tokens and the model's context {most}.",
                "Shorten the question, or set a larger context_tokens in agentfix.toml."))
            return
        cells = max(1, min(asked.cells, most - len(asked.prompt))) if writes else asked.cells
        self._waiting.append(Reading(asked, cells))

    def step(self) -> None:
        """Decode one batch: the next token of everything that is written, choices, and a part of a prompt."""
        self._steps += 1
        self._drop_cancelled()
        try:
            if self._waiting and self._waiting[0].alone and not self._writing:
                self._step_alone(self._waiting[0])
            else:
                self._step_together()
        except AgentFixError as error:
            self.fail(error)

    def fail(self, error: AgentFixError) -> None:
        """Nothing that is under way can be finished."""
        self._leave_alone()
        for _, sample in self._writing:
            self._llama.free_sampler(sample.sampler)
        failed = dict.fromkeys([*(reading for reading, _ in self._writing), *self._waiting])
        self._writing, self._waiting = [], []
        self._llama.forget_all()
        self._tree.clear()
        for reading in failed:
            _fail(reading.asked, error)

    def _step_together(self) -> None:
        self._begin_samples()
        choosing = self._next_choices()
        choices = choosing.rows() if choosing is not None else []
        reading = self._next_reading()
        part = reading.part(self._chunk_tokens(len(self._writing) + len(choices))) if reading is not None else ()
        self._guess(len(choices) + len(part))
        rows = [row for _, sample in self._writing for row in sample.rows()]
        first = len(rows)
        rows += choices
        if reading is not None:
            rows += reading.rows(part)
        if not rows:
            return
        if not self._tree.room_for(len(rows)):
            raise ModelError("The KV cache is full of what is being written.",
                             "Set a larger context_tokens in agentfix.toml.")
        began, settled = self._clock(), self._settled
        hidden = reading is not None and isinstance(reading.asked, Embedding) and len(part) == reading.left
        self._llama.decode(rows, hidden=hidden)
        self._settled = first > 0
        if choosing is not None:
            self._choose(choosing, first)
        if reading is not None:
            self._tree.extend(reading.sequence, part)
            reading.read += len(part)
            self._was_read(reading, len(rows) - 1)
        self._draw_all()
        if settled and first:
            self._durations.add(len(rows), self._clock() - began)

    def _guess(self, others: int) -> None:
        """Choose what is decoded beside the sure tokens, and so many other rows."""
        guesses = [sample.propose() for _, sample in self._writing]
        lengths = worth_checking([(sample.chance, len(guess)) for (_, sample), guess in
                                  zip(self._writing, guesses, strict=True)], others, self._durations)
        for (_, sample), guess, length in zip(self._writing, guesses, lengths, strict=True):
            sample.guess = guess[:length]

    # --- reading --------------------------------------------------------------------------------------------------

    def _next_reading(self) -> Reading | None:
        """By turns the oldest and the shortest, so that none waits for a long prompt and a long one is read too.

        While the oldest waits for room, or for being alone, nothing newer may take it.
        """
        unread = list[Reading]()
        for reading in self._waiting:
            if reading.alone:
                break
            if reading.sequence < 0 or reading.left:
                unread.append(reading)
        if not unread:
            return None
        fits = unread[0].sequence >= 0 or self._open(unread[0])
        ready = unread if fits else [reading for reading in unread if reading.sequence >= 0]
        if not ready:
            return None
        chosen = ready[0] if self._steps % 2 else min(ready, key=lambda reading: reading.left)
        return chosen if chosen.sequence >= 0 or self._open(chosen) else ready[0]

    def _open(self, reading: Reading) -> bool:
        """Find what of its prompt is known, if there is room for the rest and for one sample or the choices."""
        if sum(each.sequence >= 0 for each in self._waiting) >= min(READING, self._llama.sequences // 4):
            return False
        try:
            sequence, known = self._tree.open(reading.asked.prompt[:-1])
        except LookupError:
            return False
        if not self._fits(reading.asked.reads - known + reading.cells):
            self._tree.close(sequence)
            return False
        if known < reading.asked.static_tokens and self._fits(reading.asked.reads + reading.cells):
            sequence, known = self._from_store(reading.asked, sequence, known)
        reading.sequence, reading.read, reading.cached = sequence, known, known
        return True

    def _from_store(self, asked: Request, sequence: int, known: int) -> tuple[int, int]:
        """The sequence and its length, longer where the store has more of the prompt than the cache."""
        found = self._store.find(asked.prompt[:-1], known) if self._store is not None else None
        if found is None:
            return sequence, known
        tokens, state = found
        self._tree.close(sequence)
        sequence, _ = self._tree.open([])
        if self._tree.room_for(tokens) and self._llama.load(sequence, state):
            self._tree.extend(sequence, asked.prompt[:tokens])
            return sequence, tokens
        self._tree.close(sequence)
        return self._tree.open(asked.prompt[:-1])

    def _fits(self, tokens: int) -> bool:
        """Whether there is room for so many more tokens."""
        return self._tree.pinned + self._promised() + tokens <= self._llama.context_tokens

    def _promised(self) -> int:
        """Tokens for which room must stay: what is left of prompts under way, with one sample, and of samples."""
        writing = sum(reading.cells - sample.tokens for reading, sample in self._writing)
        return writing + sum(reading.left + reading.cells for reading in self._waiting
                             if reading.sequence >= 0 and not reading.begun)

    def _chunk_tokens(self, rows: int) -> int:
        """How much of a prompt is read beside so many rows.

        Beside completions, a processor reads at most two blocks at once: nobody waits long for somebody else's prompt,
        and from 64 rows on, llama.cpp's attention computes, for each row, what belongs to the sequences of all others.
        """
        if not self._writing:
            return BATCH_TOKENS - rows
        if self._llama.reads_fast:
            return BATCH_TOKENS - MOST_GUESSES - rows
        return (1 - -rows // BLOCK_ROWS) * BLOCK_ROWS - rows

    def _was_read(self, reading: Reading, row: int) -> None:
        """A part of its prompt was read, the last token in that row."""
        asked = reading.asked
        if reading.cached < asked.static_tokens <= reading.read:
            self._store_static(reading)
        if reading.left or isinstance(asked, Generation):
            return
        if isinstance(asked, Embedding):
            self._finish(reading, self._llama.hidden(row))
            return
        reading.scores = self._llama.logprobs([choice[0] for choice in asked.choices], row)
        if not reading.cells:
            self._finish(reading, reading.scores)

    def _store_static(self, reading: Reading) -> None:
        static = reading.asked.prompt[:reading.asked.static_tokens]
        if self._store is None or not self._store.wants(static):
            return
        try:
            fork = self._tree.fork(reading.sequence, len(static))
        except LookupError:
            return
        self._store.save(static, self._llama.save(fork))
        self._tree.close(fork)

    def _finish(self, reading: Reading, result: Any) -> None:
        self._waiting = [each for each in self._waiting if each is not reading]
        self._tree.keep(reading.sequence)
        if reading.asked.future.set_running_or_notify_cancel():
            reading.asked.future.set_result(result)

    # --- scoring --------------------------------------------------------------------------------------------------

    def _next_choices(self) -> Choices | None:
        for reading in self._waiting:
            if isinstance(reading.asked, Scoring) and reading.scores:
                try:
                    return Choices(self._tree, reading)
                except LookupError:
                    return None
        return None

    def _choose(self, choosing: Choices, row: int) -> None:
        choosing.take(self._llama, row)
        choosing.close()
        if choosing.reading.chosen == len(choosing.reading.scores):
            self._finish(choosing.reading, choosing.reading.scores)

    # --- writing --------------------------------------------------------------------------------------------------

    def _begin_samples(self) -> None:
        for reading in [each for each in self._waiting if each.sequence >= 0 and not each.left]:
            if not isinstance(reading.asked, Generation):
                continue
            while reading.begun < reading.asked.n and self._begin_sample(reading, reading.asked):
                pass
            if reading.sequence < 0 or reading.begun == reading.asked.n:
                self._waiting = [each for each in self._waiting if each is not reading]
                if reading.sequence >= 0:
                    self._tree.keep(reading.sequence)

    def _begin_sample(self, reading: Reading, asked: Generation) -> bool:
        if len(self._writing) >= PARALLEL or not self._fits(reading.cells if reading.begun else 0):
            return False
        try:
            sequence = self._tree.fork(reading.sequence, asked.reads)
        except LookupError:
            return False
        try:
            sampler = self._llama.sampler(asked.sampling, reading.begun, asked.grammar)
        except ModelError as error:
            self._tree.close(sequence)
            self._refuse(reading, error)
            return False
        drafts = Drafts(asked.prompt) if self._llama.in_parts else None
        sample = Sample(asked, reading.begun, reading.cells, sequence, sampler, drafts)
        reading.writing.append(sample)
        self._writing.append((reading, sample))
        return True

    def _draw_all(self) -> None:
        row = 0
        for reading, sample in list(self._writing):
            try:
                if sample in reading.writing:  # it is not when another of its request lost the grammar
                    self._draw(sample, row)
            except LostGrammarError as error:
                self._refuse(reading, error)
            row += 1 + len(sample.guess)
            if sample.finish is not None:
                self._writing.remove((reading, sample))
                self._end(reading, sample)

    def _draw(self, sample: Sample, row: int) -> None:
        """Draw what follows the token just decoded, and then each guess for as long as it is what was drawn."""
        right, guess = 0, sample.guess
        self._tree.extend(sample.sequence, [sample.next_token])
        while sample.draw(self._llama, row + right) and guess[right:right + 1] == [sample.next_token]:
            self._tree.extend(sample.sequence, [sample.next_token])
            right += 1
        if right < len(guess):
            self._llama.cut(sample.sequence, sample.position)
        if guess and sample.drafts is not None:
            sample.drafts.judged(len(guess), right)

    def _end(self, reading: Reading, sample: Sample) -> None:
        self._llama.free_sampler(sample.sampler)
        self._tree.keep(sample.sequence)
        reading.writing.remove(sample)
        reading.ended.append(sample)
        asked = reading.asked
        if isinstance(asked, Generation) and len(reading.ended) == asked.n:
            ended = sorted(reading.ended, key=lambda sample: sample.index)
            if asked.future.set_running_or_notify_cancel():
                asked.future.set_result([sample.completion(reading.cached) for sample in ended])

    # --- alone ----------------------------------------------------------------------------------------------------

    def _step_alone(self, reading: Reading) -> None:
        """All that came before it has ended, and all that came after it waits."""
        asked = reading.asked
        if self._alone is None:
            self._tree.clear()
            assert not isinstance(asked, Embedding)
            self._alone = (Choosing(self._llama, asked) if isinstance(asked, Scoring)
                           else Writing(self._llama, asked, reading.cells))
        try:
            result: Any = self._alone.step()
        except ModelError as error:
            self._refuse(reading, error)
            return
        if result is not None:
            self._drop(reading)
            if asked.future.set_running_or_notify_cancel():
                asked.future.set_result(result)

    def _leave_alone(self) -> None:
        if self._alone is not None:
            self._alone.leave()
            self._llama.forget_all()
            self._alone = None

    # --- giving up ------------------------------------------------------------------------------------------------

    def _drop_cancelled(self) -> None:
        under_way = dict.fromkeys([*self._waiting, *(reading for reading, _ in self._writing)])
        for reading in under_way:
            if reading.asked.future.cancelled():
                self._drop(reading)

    def _refuse(self, reading: Reading, error: ModelError) -> None:
        self._drop(reading)
        _fail(reading.asked, error)

    def _drop(self, reading: Reading) -> None:
        if self._alone is not None and self._alone.asked is reading.asked:
            self._leave_alone()
        if reading.sequence >= 0 and any(each is reading for each in self._waiting):
            self._tree.keep(reading.sequence)  # what was read may be asked for again
        for sample in reading.writing:
            self._llama.free_sampler(sample.sampler)
            self._tree.close(sample.sequence)
        reading.writing.clear()
        reading.sequence = -1
        self._waiting = [each for each in self._waiting if each is not reading]
        self._writing = [each for each in self._writing if each[0] is not reading]


def _fail(asked: Request, error: AgentFixError) -> None:
    """Tell who asked, unless nobody listens any more."""
    if asked.future.set_running_or_notify_cancel():
        asked.future.set_exception(error)
