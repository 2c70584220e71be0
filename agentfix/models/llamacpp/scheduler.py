"""Continuous batching: requests join and leave the running batch between any two tokens.

After Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models" (OSDI 2022), section 3,
with prompts read in chunks beside the decoding, as in Agrawal et al., "Sarathi-Serve" (OSDI 2024), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix.errors import AgentFixError, ContextOverflowError, ModelError
from agentfix.models.llamacpp.decoder import Decoder, Row
from agentfix.models.llamacpp.drafts import MOST_TOKENS, Drafts
from agentfix.models.llamacpp.llama import BATCH_TOKENS, SEQUENCES
from agentfix.models.llamacpp.prefixes import PrefixTree
from agentfix.models.llamacpp.requests import Generation, Scoring
from agentfix.models.llamacpp.sample import Sample
from agentfix.types import Completion, Usage

PARALLEL = 32
"""The most completions that are written together."""
READING = 16
"""The most prompts that are read, or wait for their samples, at once: sequences must be left for the samples."""
GUESSING = 2
"""While more are written than so many, guesses cost more than they save: a batch is full of sure tokens."""
CHUNK_TOKENS = 64
"""How much of a prompt is read in one step while others write: half a second where 128 tokens are read in one."""


@dataclass(eq=False)
class _Reading:
    """A generation whose prompt is read, all but its last token, in a sequence of its own.

    The last one is decoded by each sample, which so finds what follows it in its own row.
    """

    asked: Generation
    max_tokens: int
    sequence: int = -1
    read: int = 0
    cached: int = 0
    writing: list[Sample] = field(default_factory=list[Sample])
    ended: list[Sample] = field(default_factory=list[Sample])

    @property
    def left(self) -> int:
        return len(self.asked.prompt) - 1 - self.read

    @property
    def begun(self) -> int:
        return len(self.writing) + len(self.ended)


class Scheduler:
    """Decides what is decoded next. Belongs to one thread.

    Args:
        llama: the model and its context.
    """

    def __init__(self, llama: Decoder) -> None:
        self._llama = llama
        self._tree = PrefixTree(llama, llama.context_tokens, SEQUENCES, in_parts=llama.in_parts)
        self._waiting: list[_Reading] = []
        """Oldest first; they have no sequence yet, or no room for more samples."""
        self._writing: list[tuple[_Reading, Sample]] = []
        self._scorings: list[Scoring] = []
        self._steps = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._writing and not self._scorings

    def add(self, asked: Generation | Scoring) -> None:
        """Take a request, which fails at once if it can't ever be served."""
        most = self._llama.context_tokens
        room = most - (asked.cells if isinstance(asked, Scoring) else len(asked.prompt))
        if not asked.prompt or room < 1:
            asked.future.set_exception(ContextOverflowError(
                f"The prompt has {len(asked.prompt)} tokens and the model's context {most}.",
                "Shorten the question, or set a larger context_tokens in agentfix.toml."))
            return
        if isinstance(asked, Scoring):
            self._scorings.append(asked)
            return
        self._waiting.append(_Reading(asked, max(1, min(asked.sampling.max_tokens, room))))

    def step(self) -> None:
        """Decode one batch: the next token of everything that is written, and a part of a prompt."""
        self._steps += 1
        self._drop_cancelled()
        self._score_all()
        self._begin_samples()
        reading = self._next_reading()
        rows = [row for each, sample in self._writing for row in self._rows(each, sample)]
        chunk = self._chunk(reading)
        if reading is not None:
            rows += [Row(token, reading.read + i, reading.sequence, False) for i, token in enumerate(chunk)]
        if not rows:
            return
        try:
            if not self._tree.room_for(len(rows)):
                raise ModelError("The KV cache is full of what is being written.",
                                 "Set a larger context_tokens in agentfix.toml.")
            self._llama.decode(rows)
        except AgentFixError as error:
            self.fail(error)
            return
        if reading is not None:
            self._tree.extend(reading.sequence, chunk)
            reading.read += len(chunk)
        self._draw_all()

    def fail(self, error: AgentFixError) -> None:
        """Nothing that is under way can be finished."""
        for _, sample in self._writing:
            self._llama.free_sampler(sample.sampler)
        failed = dict.fromkeys([*(reading for reading, _ in self._writing), *self._waiting])
        futures = [*(reading.asked.future for reading in failed), *(scoring.future for scoring in self._scorings)]
        self._writing, self._waiting, self._scorings = [], [], []
        self._llama.forget_all()
        self._tree.clear()
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    # --- reading --------------------------------------------------------------------------------------------------

    def _next_reading(self) -> _Reading | None:
        """By turns the oldest and the shortest, so that none waits for a long prompt and a long one is read too.

        While the oldest, or something to be scored, waits for room, nothing newer may take it.
        """
        unread = [reading for reading in self._waiting if reading.sequence < 0 or reading.left]
        if not unread:
            return None
        oldest = unread[0]
        fits = not self._scorings and (oldest.sequence >= 0 or self._open(oldest))
        ready = unread if fits else [reading for reading in unread if reading.sequence >= 0]
        if not ready:
            return None
        chosen = ready[0] if self._steps % 2 else min(ready, key=lambda reading: reading.left)
        return chosen if chosen.sequence >= 0 or self._open(chosen) else ready[0]

    def _open(self, reading: _Reading) -> bool:
        """Find what of its prompt is known, if there is room for the rest and for one sample."""
        if sum(each.sequence >= 0 for each in self._waiting) >= READING:
            return False
        prompt = reading.asked.prompt[:-1]
        try:
            sequence, known = self._tree.open(prompt)
        except LookupError:
            return False
        wanted = len(prompt) - known + reading.max_tokens
        if self._tree.pinned + self._promised() + wanted > self._llama.context_tokens:
            self._tree.close(sequence)
            return False
        reading.sequence, reading.read, reading.cached = sequence, known, known
        return True

    def _promised(self) -> int:
        """Tokens for which room must stay: what is left of prompts under way, with one sample, and of samples."""
        writing = sum(reading.max_tokens - sample.tokens for reading, sample in self._writing)
        return writing + sum(reading.left + reading.max_tokens for reading in self._waiting
                             if reading.sequence >= 0 and not reading.begun)

    def _chunk(self, reading: _Reading | None) -> list[int]:
        if reading is None:
            return []
        most = min(CHUNK_TOKENS, BATCH_TOKENS - PARALLEL - GUESSING * MOST_TOKENS) if self._writing else BATCH_TOKENS
        return list(reading.asked.prompt[reading.read:min(reading.read + most, len(reading.asked.prompt) - 1)])

    # --- writing --------------------------------------------------------------------------------------------------

    def _begin_samples(self) -> None:
        for reading in [each for each in self._waiting if each.sequence >= 0 and not each.left]:
            while reading.begun < reading.asked.n and self._begin_sample(reading):
                pass
            if reading.sequence < 0 or reading.begun == reading.asked.n:
                self._waiting = [each for each in self._waiting if each is not reading]
                if reading.sequence >= 0:
                    self._tree.keep(reading.sequence)

    def _begin_sample(self, reading: _Reading) -> bool:
        asked = reading.asked
        promised = self._promised() + (reading.max_tokens if reading.begun else 0)
        if len(self._writing) >= PARALLEL or self._tree.pinned + promised > self._llama.context_tokens:
            return False
        try:
            sampler = self._llama.sampler(asked.sampling, reading.begun, asked.grammar)
        except ModelError as error:
            self._refuse(reading, error)
            return False
        last = len(asked.prompt) - 1
        try:
            sequence = self._tree.fork(reading.sequence, last)
        except LookupError:
            self._llama.free_sampler(sampler)
            return False
        drafts = Drafts(asked.prompt) if self._llama.in_parts else None
        sample = Sample(reading.begun, sequence, sampler, asked.prompt[last], last, drafts)
        reading.writing.append(sample)
        self._writing.append((reading, sample))
        return True

    def _rows(self, reading: _Reading, sample: Sample) -> list[Row]:
        sample.guess = []
        if sample.drafts is not None and len(self._writing) <= GUESSING:
            sample.guess = sample.drafts.guess(reading.max_tokens - sample.tokens - 1)
        return [Row(token, sample.position + i, sample.sequence, True)
                for i, token in enumerate([sample.next_token, *sample.guess])]

    def _draw_all(self) -> None:
        row = 0
        under_way, self._writing = self._writing, []
        for reading, sample in under_way:
            self._draw(reading, sample, row)
            row += 1 + len(sample.guess)
            if sample.finish is None:
                self._writing.append((reading, sample))
            else:
                self._end(reading, sample)

    def _draw(self, reading: _Reading, sample: Sample, row: int) -> None:
        """Draw what follows the token just decoded, and then each guess for as long as it is what was drawn."""
        right, guess = 0, sample.guess
        self._tree.extend(sample.sequence, [sample.next_token])
        while self._draw_one(reading, sample, row + right) and guess[right:right + 1] == [sample.next_token]:
            self._tree.extend(sample.sequence, [sample.next_token])
            right += 1
        if right < len(guess):
            self._llama.cut(sample.sequence, sample.position)
        if guess and sample.drafts is not None:
            sample.drafts.judged(len(guess), right)

    def _draw_one(self, reading: _Reading, sample: Sample, row: int) -> bool:
        """Returns whether the sample goes on."""
        asked = reading.asked
        token = self._llama.draw(sample.sampler, row)
        sample.position += 1
        if token is None:
            sample.finish = "stop"
        else:
            if asked.top_logprobs:
                sample.logprobs.append(self._llama.logprob(token, row, asked.top_logprobs))
            piece = self._llama.piece(token, special=token in asked.markers)
            sample.add(token, piece, asked.sampling.stop, reading.max_tokens)
        if asked.on_text is not None and not asked.future.cancelled():
            sample.tell(asked.on_text, asked.sampling.stop)
        return sample.finish is None

    def _end(self, reading: _Reading, sample: Sample) -> None:
        self._llama.free_sampler(sample.sampler)
        self._tree.keep(sample.sequence)
        reading.writing.remove(sample)
        reading.ended.append(sample)
        if len(reading.ended) == reading.asked.n and reading.asked.future.set_running_or_notify_cancel():
            reading.asked.future.set_result(_completions(reading))

    # --- scoring --------------------------------------------------------------------------------------------------

    def _score_all(self) -> None:
        while self._scorings:
            asked = self._scorings[0]
            if asked.future.cancelled():
                del self._scorings[0]
            elif self._tree.pinned + self._promised() + asked.cells > self._llama.context_tokens:
                return
            else:
                try:
                    scores = self._score(asked)
                except LookupError:  # no sequence is free
                    return
                except AgentFixError as error:
                    self.fail(error)
                    return
                del self._scorings[0]
                if asked.future.set_running_or_notify_cancel():
                    asked.future.set_result(scores)

    def _score(self, asked: Scoring) -> list[float]:
        """The choices beside each other in one batch, after what is left to read of the prompt."""
        last = len(asked.prompt) - 1
        prompt, known = self._tree.open(asked.prompt[:last])
        self._tree.room_for(asked.cells - known)
        forks = list[int]()
        try:
            for start in range(known, last, BATCH_TOKENS):
                part = asked.prompt[start:min(start + BATCH_TOKENS, last)]
                self._llama.decode([Row(token, start + i, prompt, False) for i, token in enumerate(part)])
                self._tree.extend(prompt, part)
            rows, wanted = list[Row](), list[tuple[int, int]]()
            for number, choice in enumerate(asked.choices):
                forks.append(self._tree.fork(prompt, last))
                for i, token in enumerate([asked.prompt[last], *choice[:-1]]):
                    rows.append(Row(token, last + i, forks[-1], True))
                    wanted.append((number, choice[i]))
                self._tree.extend(forks[-1], [asked.prompt[last], *choice[:-1]])
            scores = [0.0] * len(asked.choices)
            self._llama.decode(rows)
            for row, (number, token) in enumerate(wanted):
                scores[number] += self._llama.logprob(token, row, 1).logprob
            return scores
        finally:
            for fork in forks:
                self._tree.close(fork)
            self._tree.keep(prompt)

    # --- giving up ------------------------------------------------------------------------------------------------

    def _drop_cancelled(self) -> None:
        under_way = dict.fromkeys([*self._waiting, *(reading for reading, _ in self._writing)])
        for reading in under_way:
            if reading.asked.future.cancelled():
                self._drop(reading)

    def _refuse(self, reading: _Reading, error: ModelError) -> None:
        self._drop(reading)
        if reading.asked.future.set_running_or_notify_cancel():
            reading.asked.future.set_exception(error)

    def _drop(self, reading: _Reading) -> None:
        if reading.sequence >= 0 and any(each is reading for each in self._waiting):
            self._tree.keep(reading.sequence)  # what was read may be asked for again
        for sample in reading.writing:
            self._llama.free_sampler(sample.sampler)
            self._tree.close(sample.sequence)
        reading.sequence = -1
        self._waiting = [each for each in self._waiting if each is not reading]
        self._writing = [each for each in self._writing if each[0] is not reading]


def _completions(reading: _Reading) -> list[Completion]:
    prompt = len(reading.asked.prompt)
    return [
        Completion(
            sample.text, sample.finish or "length",
            # The prompt is counted once, on the first of all n.
            Usage(*((prompt, reading.cached) if sample.index == 0 else (0, 0)), sample.tokens),
            logprobs=tuple(sample.logprobs))
        for sample in sorted(reading.ended, key=lambda sample: sample.index)
    ]
