"""One llama.cpp model and context, driven through its C API: prompts in as tokens, n completions out.

Knows nothing about messages, templates or asyncio. Not thread-safe: whoever owns an engine calls it from one thread.

A prompt is read once and shared by the n sequences that continue it, and the prompts of the last few requests stay in
the KV cache, so that actor and critic, whose prompts differ, do not evict each other.
"""

from __future__ import annotations

import codecs
import ctypes
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from agentfix.errors import ContextOverflowError, ModelError, ModelUnavailableError
from agentfix.types import Completion, FinishReason, Sampling, TokenLogprob, Usage

CACHED_PROMPTS = 4
"""Prompts kept in the KV cache."""
MAX_PARALLEL = 16
"""Sequences decoded together; more samples than this are made in several goes."""
LARGEST_SEED = 2**32 - 1
"""llama.cpp takes this one as a wish for chance."""
TOP_K = 40
"""llama.cpp's own default; sampling never looks past it."""


@llama_cpp.llama_log_callback
def _silent(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    """llama.cpp writes hundreds of lines to stderr when it loads a model; errors reach us by return codes."""


@dataclass
class _Cached:
    """A prompt that lies in the KV cache under sequence `seq`."""

    seq: int
    tokens: list[int] = field(default_factory=list[int])
    used: int = 0


@dataclass
class _Sequence:
    """A completion being generated."""

    seq: int
    index: int
    sampler: Any
    max_tokens: int
    text: str = ""
    sent: int = 0
    tokens: int = 0
    finish: FinishReason | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )


class Engine:
    """A loaded model with its context.

    Args:
        path: the GGUF file.
        context_tokens: size of the KV cache, shared by everything in it; at most what the model was trained for.
        gpu_layers: layers put on a GPU when llama.cpp was built with one; -1 for all.
        threads: CPU threads; None for all cores.

    Raises:
        ModelUnavailableError: the file can't be loaded.
    """

    def __init__(self, path: Path, *, context_tokens: int = 8192, gpu_layers: int = -1,
                 threads: int | None = None) -> None:
        llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = 2**31 - 1 if gpu_layers < 0 else gpu_layers
        self._model: Any = llama_cpp.llama_model_load_from_file(os.fsencode(path), model_params)
        if not self._model:
            raise ModelUnavailableError(
                f"llama.cpp can't load {str(path)!r}: the file is corrupt, truncated or of an unknown kind.",
                "Delete it and pull it again, or choose another with --model.",
            )
        self._vocab: Any = llama_cpp.llama_model_get_vocab(self._model)
        self.vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.context_tokens = min(context_tokens, int(llama_cpp.llama_model_n_ctx_train(self._model)))
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context_tokens
        params.n_batch = params.n_ubatch = 512
        params.n_seq_max = CACHED_PROMPTS + MAX_PARALLEL
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads or os.cpu_count() or 1
        self._ctx: Any = llama_cpp.llama_init_from_model(self._model, params)
        if not self._ctx:
            llama_cpp.llama_model_free(self._model)
            raise ModelUnavailableError(
                f"llama.cpp can't make a context of {self.context_tokens} tokens for {str(path)!r}.",
                "There may be too little memory; set a smaller context_tokens in agentfix.toml.",
            )
        self._memory: Any = llama_cpp.llama_get_memory(self._ctx)
        self._batch: Any = llama_cpp.llama_batch_init(params.n_batch, 0, 1)
        self._batch_size = int(params.n_batch)
        self._cache = [_Cached(seq) for seq in range(CACHED_PROMPTS)]
        self._clock = 0

    def close(self) -> None:
        """Free the model and its context. May be called twice."""
        if self._ctx:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._ctx)
            llama_cpp.llama_model_free(self._model)
            self._ctx = self._model = None

    # --- the model's own facts -------------------------------------------------------------------------------------

    def metadata(self, key: str) -> str | None:
        """A string from the GGUF header, or None."""
        read: Any = llama_cpp.llama_model_meta_val_str
        size = int(read(self._model, key.encode(), None, 0))
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        read(self._model, key.encode(), buffer, size + 1)
        return buffer.value.decode("utf-8", "replace")

    def special_text(self, which: str) -> str:
        """The text of the `bos` or `eos` token; empty when the model has none."""
        read: Any = {"bos": llama_cpp.llama_vocab_bos, "eos": llama_cpp.llama_vocab_eos}[which]
        token = int(read(self._vocab))
        return "" if token < 0 else self._piece(token, special=True).decode("utf-8", "replace")

    def opened(self, prompt: list[int]) -> list[int]:
        """A prompt that begins with the `bos` token, where the model wants one and its template put none."""
        bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        wanted = bos >= 0 and bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        return [bos, *prompt] if wanted and prompt[:1] != [bos] else prompt

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Turn text into tokens. Control tokens are recognised only when `special`: data must never open a role."""
        raw = text.encode("utf-8", "replace")
        buffer = (llama_cpp.llama_token * (len(raw) + 8))()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, len(buffer), False, special)
        if count < 0:
            raise ModelError(f"llama.cpp can't tokenize a text of {len(raw)} bytes.")
        return list(buffer[:count])

    def _piece(self, token: int, *, special: bool = False) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    # --- generation ------------------------------------------------------------------------------------------------

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, n: int = 1, grammar: str | None = None,
                 top_logprobs: int = 0, on_text: Callable[[int, str], None] | None = None,
                 cancelled: Callable[[], bool] = lambda: False) -> list[Completion]:
        """Complete a prompt n times.

        Args:
            prompt: tokens.
            sampling: completion i draws with seed `sampling.seed + i`.
            n: how many completions.
            grammar: a GBNF grammar that every completion must follow.
            top_logprobs: alternatives to report for each token; 0 for none.
            on_text: called with (index, text) as text becomes final.
            cancelled: asked between tokens and batches of the prompt; generation ends early when it says yes.

        Raises:
            ContextOverflowError: prompt and completion don't fit; found before any work.
            ModelError: llama.cpp failed.
        """
        room = self.context_tokens - len(prompt)
        if not prompt or room < 1:
            raise ContextOverflowError(
                f"The prompt has {len(prompt)} tokens and the model's context {self.context_tokens}.",
                "Shorten the question, or set a larger context_tokens in agentfix.toml.",
            )
        max_tokens = max(1, min(sampling.max_tokens, room))
        group = max(1, min(MAX_PARALLEL, n, room // max_tokens))
        done: list[Completion] = []
        while len(done) < n:
            indices = range(len(done), min(n, len(done) + group))
            done += self._generate_group(
                prompt, sampling, indices, max_tokens, grammar, top_logprobs, on_text, cancelled)
        return done

    def _generate_group(self, prompt: Sequence[int], sampling: Sampling, indices: range, max_tokens: int,
                        grammar: str | None, top_logprobs: int, on_text: Callable[[int, str], None] | None,
                        cancelled: Callable[[], bool]) -> list[Completion]:
        cached, cached_tokens = self._read_prompt(prompt, len(indices) * max_tokens, cancelled)
        if cancelled():
            return [Completion("", "cancelled") for _ in indices]
        sequences = [
            _Sequence(CACHED_PROMPTS + i, index, self._sampler(sampling, index, grammar), max_tokens)
            for i, index in enumerate(indices)
        ]
        try:
            for sequence in sequences:
                llama_cpp.llama_memory_seq_cp(self._memory, cached.seq, sequence.seq, -1, -1)
            rows = [(sequence, -1) for sequence in sequences]
            position = len(prompt)
            while rows:
                feed: list[tuple[_Sequence, int]] = []
                for sequence, row in rows:
                    token = self._draw(sequence, row, sampling, top_logprobs, on_text)
                    if token is not None:
                        feed.append((sequence, token))
                if cancelled():
                    for sequence, _ in feed:
                        sequence.finish = "cancelled"
                    break
                if feed:
                    self._decode([(token, position, sequence.seq, True) for sequence, token in feed])
                rows = [(sequence, row) for row, (sequence, _) in enumerate(feed)]
                position += 1
        finally:
            for sequence in sequences:
                llama_cpp.llama_memory_seq_rm(self._memory, sequence.seq, -1, -1)
                llama_cpp.llama_sampler_free(sequence.sampler)
        return [
            Completion(
                sequence.text,
                sequence.finish or "length",
                # The prompt is counted once, on the first of all n.
                Usage(*((len(prompt), cached_tokens) if sequence.index == 0 else (0, 0)), sequence.tokens),
                logprobs=tuple(sequence.logprobs),
            )
            for sequence in sequences
        ]

    def _draw(self, sequence: _Sequence, row: int, sampling: Sampling, top_logprobs: int,
              on_text: Callable[[int, str], None] | None) -> int | None:
        """Sample one token; None when the sequence has ended."""
        token = int(llama_cpp.llama_sampler_sample(sequence.sampler, self._ctx, row))
        if llama_cpp.llama_vocab_is_eog(self._vocab, token):
            sequence.finish = "stop"
        else:
            sequence.tokens += 1
            if top_logprobs:
                sequence.logprobs.append(self._logprob(token, row, top_logprobs))
            sequence.text += sequence.decoder.decode(self._piece(token))
            cut = min((at for stop in sampling.stop if (at := sequence.text.find(stop)) >= 0), default=-1)
            if cut >= 0:
                sequence.text, sequence.finish = sequence.text[:cut], "stop"
            elif sequence.tokens >= sequence.max_tokens:
                sequence.finish = "length"
        if on_text is not None:
            held = 0 if sequence.finish else max((len(stop) - 1 for stop in sampling.stop), default=0)
            end = max(sequence.sent, len(sequence.text) - held)
            if end > sequence.sent:
                on_text(sequence.index, sequence.text[sequence.sent:end])
                sequence.sent = end
        return None if sequence.finish else token

    def _logprob(self, token: int, row: int, top: int) -> TokenLogprob:
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._ctx, row), shape=(self.vocab_size,))
        peak = float(logits.max())
        norm = peak + math.log(float(np.exp(logits - peak).sum()))
        likeliest = np.argpartition(logits, -top)[-top:]
        ordered = sorted(likeliest.tolist(), key=lambda t: -float(logits[t]))

        def text(t: int) -> str:
            return self._piece(t).decode("utf-8", "replace")

        return TokenLogprob(text(token), float(logits[token]) - norm,
                            tuple((text(t), float(logits[t]) - norm) for t in ordered))

    def _sampler(self, sampling: Sampling, index: int, grammar: str | None) -> Any:
        chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        if grammar is not None:
            sampler = llama_cpp.llama_sampler_init_grammar(self._vocab, grammar.encode(), b"root")
            if not sampler:
                llama_cpp.llama_sampler_free(chain)
                raise ModelError("llama.cpp can't use the grammar made from the JSON schema.",
                                 "Use a simpler schema: no `pattern`, `format` or recursion.")
            llama_cpp.llama_sampler_chain_add(chain, sampler)
        if sampling.temperature <= 0:
            llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_greedy())
            return chain
        seed = (sampling.seed + index) % LARGEST_SEED
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_k(TOP_K))
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_temp(sampling.temperature))
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_dist(seed))
        return chain

    # --- the KV cache ----------------------------------------------------------------------------------------------

    def _read_prompt(self, prompt: Sequence[int], reserve: int, cancelled: Callable[[], bool]) -> tuple[_Cached, int]:
        """Bring a prompt into the KV cache; returns where it lies and how many of its tokens were there already."""
        self._clock += 1
        donor = max(self._cache, key=lambda c: _common_prefix(c.tokens, prompt))
        # The last token is always decoded, since its logits are wanted.
        common = min(_common_prefix(donor.tokens, prompt), len(prompt) - 1)
        slot = donor if common >= len(donor.tokens) // 2 else min(self._cache, key=lambda c: c.used)
        if slot is not donor:
            self._forget(slot, 0)
            llama_cpp.llama_memory_seq_cp(self._memory, donor.seq, slot.seq, 0, common)
        else:
            self._forget(slot, common)
        slot.tokens = list(prompt[:common])
        slot.used = self._clock
        for other in sorted(self._cache, key=lambda c: c.used):
            if sum(len(c.tokens) for c in self._cache) + len(prompt) - common + reserve <= self.context_tokens:
                break
            if other is not slot:
                self._forget(other, 0)
        for start in range(common, len(prompt), self._batch_size):
            if cancelled():
                break
            part = prompt[start : start + self._batch_size]
            last = len(prompt) - 1
            self._decode([(t, start + i, slot.seq, start + i == last) for i, t in enumerate(part)])
            slot.tokens.extend(part)
        return slot, common

    def _forget(self, slot: _Cached, keep: int) -> None:
        if len(slot.tokens) > keep:
            if not llama_cpp.llama_memory_seq_rm(self._memory, slot.seq, keep, -1):
                raise ModelError("This model's memory can't be cut back to a prefix.", "Choose another model.")
            del slot.tokens[keep:]

    def _decode(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Run (token, position, sequence, wants logits) rows through the model."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (token, position, seq, wanted) in enumerate(rows):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = seq
            batch.logits[i] = wanted
        code = llama_cpp.llama_decode(self._ctx, batch)
        if code != 0:
            llama_cpp.llama_memory_clear(self._memory, True)
            for cached in self._cache:
                cached.tokens.clear()
            raise ModelError(f"llama.cpp failed to decode {len(rows)} tokens (code {code}).",
                             "The context may be full; set a larger context_tokens in agentfix.toml.")


def _common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count
