"""One llama.cpp model and its context, driven through the C API: tokens, batches, sequences, samplers.

Knows nothing about messages, requests or threads. Texts may be tokenized in any thread; all else belongs to one.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from agentfix.errors import ModelError, ModelUnavailableError
from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.grammar import Grammars
from agentfix.models.llamacpp.host import cpu_threads
from agentfix.models.llamacpp.log import silence
from agentfix.models.llamacpp.measure import layers_of, needs_of, places_for, reads_fast
from agentfix.models.llamacpp.room import Needs, Room, choose
from agentfix.models.llamacpp.sampler import Grammar, Sampler, logits_of
from agentfix.models.llamacpp.vocabulary import Vocabulary
from agentfix.models.llamacpp.weights import Adapter, OnProgress, cannot_write, load_model, use_adapters
from agentfix.types import Sampling, TokenLogprob

BATCH_TOKENS = 512
"""The most tokens that are decoded together."""
LARGEST_SEED = 2**32 - 1
"""llama.cpp takes this one as a wish for chance."""
TOP_K = 40
"""llama.cpp's own default, where a request sets none."""
NO_PENALTIES = (1, 0, 0)
MOST_ALIKE = 2048
"""So many characters without a space, or spaces, are tokenized together. For some vocabularies llama.cpp uses
std::regex, which calls itself for each of them: 26,000 fill a thread's stack, and end the process."""
_ALIKE = re.compile(rf"\S{{1,{MOST_ALIKE}}}|\s{{1,{MOST_ALIKE}}}")


class Llama:
    """A loaded model with its context.

    Args:
        path: the GGUF file.
        context_tokens: size of the KV cache, shared by everything in it; at most what the model was trained for. None
            to choose one by the memory that is free.
        gpu_layers: layers put on a GPU when llama.cpp was built with one; -1 for all.
        threads: CPU threads; None for as many as there are cores for it.
        adapters: LoRA adapters that the model computes with.
        on_progress: told how much of it is loaded; what it raises ends the loading.

    Raises:
        ModelUnavailableError: a file can't be loaded.
        BaseException: what `on_progress` raised.
    """

    def __init__(self, path: Path, *, context_tokens: int | None = None, gpu_layers: int = -1,
                 threads: int | None = None, adapters: Sequence[Adapter] = (),
                 on_progress: OnProgress | None = None) -> None:
        silence()
        llama_cpp.llama_backend_init()
        self._ctx = self._batch = None
        self._model: Any = load_model(path, gpu_layers, on_progress)
        self.threads = threads or cpu_threads()
        self.layers, self.layers_on_gpu = layers_of(self._model, gpu_layers)
        self.in_parts = not (llama_cpp.llama_model_is_recurrent(self._model)
                             or llama_cpp.llama_model_is_hybrid(self._model))
        """Whether a part of a sequence can be shared with another."""
        self.windowed = llama_cpp.llama_model_n_swa(self._model) > 0
        """Whether it has layers that see the last tokens only."""
        self.reads_fast = reads_fast(self.layers, self.layers_on_gpu)
        """Whether a GPU reads: sooner than a disk gives back what was read."""
        self.storable = self.in_parts and not self.windowed and not self.reads_fast
        """Whether to save a sequence pays, and it can be shared in parts: what lies behind a window is not saved."""
        try:
            self.room = self._choose_room(path, context_tokens)
            self._open(path, adapters)
        except BaseException:
            self.close()
            raise
        self.context_tokens, self.sequences = self.room.context_tokens, self.room.sequences
        self._vocab: Any = llama_cpp.llama_model_get_vocab(self._model)
        self.vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.grammars = Grammars(Vocabulary(self._vocab))

    def _choose_room(self, path: Path, context_tokens: int | None) -> Room:
        if context_tokens is not None and self.in_parts:
            return choose(Needs(int(llama_cpp.llama_model_n_ctx_train(self._model)), 0), (), context_tokens)
        needs = needs_of(self._model, self.metadata, in_parts=self.in_parts)
        if needs is None:
            raise cannot_write(path)
        return choose(needs, places_for(self._model, self.layers_on_gpu / self.layers), context_tokens)

    def _open(self, path: Path, adapters: Sequence[Adapter]) -> None:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.room.context_tokens
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        # llama.cpp overwrites what lies behind the sliding window of its sequence, and another sequence that parts from
        # it there would miss it; but never what belongs to two. So each sequence has a shadow with the same tokens.
        self._shadows = self.room.sequences if self.in_parts and self.windowed else 0
        params.n_seq_max = self.room.sequences + self._shadows
        params.kv_unified = params.swa_full = True
        params.n_threads = params.n_threads_batch = self.threads
        self._ctx: Any = llama_cpp.llama_init_from_model(self._model, params)
        if not self._ctx:
            raise ModelUnavailableError(
                f"llama.cpp can't make a context of {self.room.context_tokens} tokens for {str(path)!r}.",
                "There may be too little memory; set a smaller context_tokens in agentfix.toml.",
            )
        self._memory: Any = llama_cpp.llama_get_memory(self._ctx)
        if not self._memory:
            raise cannot_write(path)
        use_adapters(self._model, self._ctx, adapters)
        self._batch: Any = llama_cpp.llama_batch_init(params.n_batch, 0, 2)

    def close(self) -> None:
        """Free the model and its context. May be called twice."""
        if self._batch:
            llama_cpp.llama_batch_free(self._batch)
        if self._ctx:
            llama_cpp.llama_free(self._ctx)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._batch = self._ctx = self._model = None

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
        return "" if token < 0 else self.piece(token, special=True).decode("utf-8", "replace")

    def opened(self, prompt: list[int]) -> list[int]:
        """A prompt that begins with the `bos` token, where the model wants one and its template put none."""
        bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        wanted = bos >= 0 and bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))
        return [bos, *prompt] if wanted and prompt[:1] != [bos] else prompt

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Turn text into tokens.

        Args:
            text: any.
            special: whether control tokens, and tags that have a token such as `<tool_call>`, are recognised. Data must
                never open a role nor call a tool.
        """
        tokens = self._tokenize(text, special)
        if special or not (tags := [tag for token in {*tokens} if (tag := self._tag(token))]):
            return tokens
        within = "|".join(f"(?<={re.escape(tag[0])})(?={re.escape(tag[1:])})" for tag in tags)
        return [token for part in re.split(within, text) for token in self.tokenize(part, special=False)]

    def _tag(self, token: int) -> str:
        """A token's text if that is a tag which llama.cpp recognises in any text."""
        if not llama_cpp.llama_vocab_get_attr(self._vocab, token) & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED:
            return ""
        text = self.piece(token, special=True).decode("utf-8", "replace")
        return text if len(text) > 1 and (text[0], text[-1]) in (("<", ">"), ("[", "]")) else ""

    def _tokenize(self, text: str, special: bool) -> list[int]:
        parts = _cut(text) if llama_cpp.llama_vocab_type(self._vocab) == llama_cpp.LLAMA_VOCAB_TYPE_BPE else [text]
        return [token for part in parts for token in self._tokenize_part(part, special)]

    def _tokenize_part(self, text: str, special: bool) -> list[int]:
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        while True:
            buffer = (llama_cpp.llama_token * size)()
            count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, size, False, special)
            if count >= 0:
                return list(buffer[:count])
            if -count <= size:
                raise ModelError(f"llama.cpp can't tokenize a text of {len(raw)} bytes.")
            size = -count  # a vocabulary may need three tokens for a space

    def piece(self, token: int, *, special: bool = False) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    # --- sampling ---------------------------------------------------------------------------------------------------

    def logprob(self, token: int, row: int, top: int) -> TokenLogprob:
        """How likely a token is after a row of the last batch, beside the likeliest."""
        logits = self._logits(row)
        norm, top = _norm(logits), min(top, self.vocab_size)
        likeliest = np.argpartition(logits, -top)[-top:]
        ordered = sorted(likeliest.tolist(), key=lambda t: -float(logits[t]))

        def text(t: int) -> str:
            return self.piece(t).decode("utf-8", "replace")

        return TokenLogprob(text(token), float(logits[token]) - norm,
                            tuple((text(t), float(logits[t]) - norm) for t in ordered))

    def logprobs(self, tokens: Sequence[int], row: int) -> list[float]:
        """How likely each of these tokens is after a row of the last batch."""
        logits = self._logits(row)
        norm = _norm(logits)
        return [float(logits[token]) - norm for token in tokens]

    def _logits(self, row: int) -> Any:
        return logits_of(self._ctx, row, self.vocab_size)

    def hidden(self, row: int) -> list[float]:
        """See `Decoder`."""
        size = int(llama_cpp.llama_model_n_embd(self._model))
        state = llama_cpp.llama_get_embeddings_ith(self._ctx, row)
        return np.ctypeslib.as_array(state, shape=(size,)).tolist()

    def sampler(self, sampling: Sampling, index: int, grammar: Grammar | None) -> Sampler:
        """What draws the tokens of a completion; to be freed by `free_sampler`.

        Args:
            sampling: completion `index` draws with seed `sampling.seed + index`.
            index: among the completions of one request.
            grammar: what it must follow.

        Raises:
            ModelError: llama.cpp can't use the grammar, or what is said of the sampling.
        """
        matcher = None if grammar is None else grammar.begin()
        try:
            stages = list(self._stages(sampling, (sampling.seed + index) % LARGEST_SEED))
        except (TypeError, ValueError, ctypes.ArgumentError) as error:
            raise ModelError(f"Tokens can't be drawn as the sampling says: {error}.", "Correct it.") from error
        chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        for stage in stages:
            llama_cpp.llama_sampler_chain_add(chain, stage)
        as_computed = not sampling.logit_bias and _penalties(sampling) == NO_PENALTIES
        return Sampler(chain, matcher, likeliest=as_computed and sampling.temperature <= 0,
                       among=max(0, _top_k(sampling)) if as_computed and sampling.temperature > 0 else 0)

    def _stages(self, sampling: Sampling, seed: int) -> Iterator[Any]:
        if sampling.logit_bias:
            entries = [llama_cpp.llama_logit_bias(token, bias) for token, bias in sampling.logit_bias
                       if 0 <= token < self.vocab_size]
            biases = (llama_cpp.llama_logit_bias * len(entries))(*entries)
            yield llama_cpp.llama_sampler_init_logit_bias(self.vocab_size, len(entries), biases)
        penalties = _penalties(sampling)
        if penalties != NO_PENALTIES:
            tokens = min(sampling.max_tokens, self.context_tokens)  # it takes memory for all of them
            yield llama_cpp.llama_sampler_init_penalties(self.vocab_size, tokens, *penalties)
        if sampling.temperature <= 0:
            yield llama_cpp.llama_sampler_init_greedy()
            return
        yield llama_cpp.llama_sampler_init_top_k(_top_k(sampling))
        yield llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1)
        if sampling.min_p > 0:
            yield llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1)
        yield llama_cpp.llama_sampler_init_temp(sampling.temperature)
        yield llama_cpp.llama_sampler_init_dist(seed)

    def free_sampler(self, sampler: Sampler) -> None:
        """Free what `sampler` made."""
        sampler.free()

    def draw(self, sampler: Sampler, row: int) -> int | None:
        """The token that follows a row of the last batch; None for the end."""
        token = sampler.draw(self._ctx, row, self.vocab_size)
        return None if token is None or llama_cpp.llama_vocab_is_eog(self._vocab, token) else token

    # --- the KV cache ----------------------------------------------------------------------------------------------

    def copy(self, source: int, target: int, tokens: int) -> None:
        """See `Memory`."""
        end = tokens if self.in_parts else -1
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, end)
        if self._shadows:
            llama_cpp.llama_memory_seq_cp(self._memory, source, target + self._shadows, -1, end)

    def forget(self, sequence: int) -> None:
        """See `Memory`."""
        self._remove(sequence, -1)

    def cut(self, sequence: int, tokens: int) -> None:
        """See `Decoder`."""
        self._remove(sequence, tokens)

    def _remove(self, sequence: int, begin: int) -> None:
        for each in {sequence, sequence + self._shadows}:
            if not llama_cpp.llama_memory_seq_rm(self._memory, each, begin, -1):
                raise ModelError("llama.cpp refuses to forget a part of what it read.")

    def forget_all(self) -> None:
        """Empty the cache."""
        llama_cpp.llama_memory_clear(self._memory, True)

    def save(self, sequence: int) -> bytes:
        """See `Decoder`."""
        number: Any = sequence
        size = int(llama_cpp.llama_state_seq_get_size(self._ctx, number))
        buffer = (ctypes.c_uint8 * size)()
        written = llama_cpp.llama_state_seq_get_data(self._ctx, buffer, size, number)
        return bytes(memoryview(buffer)[:written])

    def load(self, sequence: int, state: bytes) -> bool:
        """See `Decoder`."""
        number: Any = sequence
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return llama_cpp.llama_state_seq_set_data(self._ctx, buffer, len(state), number) != 0

    def decode(self, rows: Sequence[Row], *, hidden: bool = False) -> None:
        """Run a batch of at most `BATCH_TOKENS` rows through the model.

        Args:
            rows: the tokens.
            hidden: keep the hidden states of the wanted rows too.

        Raises:
            ModelError: llama.cpp failed; what is in the cache is not sure any more.
        """
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 2 if self._shadows else 1
            batch.seq_id[i][0] = sequence
            batch.seq_id[i][1] = sequence + self._shadows
            batch.logits[i] = wanted
        if hidden:
            llama_cpp.llama_set_embeddings(self._ctx, True)
        code = llama_cpp.llama_decode(self._ctx, batch)
        if hidden:
            llama_cpp.llama_set_embeddings(self._ctx, False)
        if code != 0:
            raise ModelError(f"llama.cpp failed to decode {len(rows)} tokens (code {code}).",
                             "The context may be full; set a larger context_tokens in agentfix.toml.")


def _cut(text: str) -> list[str]:
    """A text in parts, cut only within what is longer than `MOST_ALIKE`."""
    ends = [run.end() for run in _ALIKE.finditer(text) if run.end() - run.start() == MOST_ALIKE]
    return [text[begin:end] for begin, end in pairwise([0, *ends, len(text)])]


def _penalties(sampling: Sampling) -> tuple[float, float, float]:
    return sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty


def _top_k(sampling: Sampling) -> int:
    return TOP_K if sampling.top_k is None else sampling.top_k


def _norm(logits: Any) -> float:
    """The logarithm of the sum of all exponentials: logits less it are log-probabilities."""
    peak = float(logits.max())
    return peak + math.log(float(np.exp(logits - peak).sum()))
