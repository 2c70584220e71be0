"""What draws the tokens of one completion, of those that its grammar lets follow."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

import llama_cpp
import numpy as np

from agentfix.errors import ModelError
from agentfix.models.llamacpp.vocabulary import Vocabulary

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class LostGrammarError(ModelError):
    """A matcher can't go on, though nothing is wrong with what was written."""


class Matcher(Protocol):
    """Where a completion stands in a grammar. It is asked before a token is taken, and told when it was."""

    def allows(self, token: int) -> bool:
        """Whether this token may follow; cheap."""
        ...

    def mask(self, candidates: Candidates) -> None:
        """Make what may not follow impossible.

        Raises:
            LostGrammarError: it can't be told.
        """
        ...

    def accept(self, token: int) -> None:
        """Take a token that may follow."""
        ...

    def free(self) -> None:
        """Free what it holds."""
        ...


class Grammar(Protocol):
    """What every completion of a request must follow."""

    def begin(self) -> Matcher:
        """A matcher at its beginning."""
        ...


def logits_of(ctx: Any, row: int, vocab_size: int) -> Any:
    """What llama.cpp computed after a row of the last batch, in its own memory."""
    return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(ctx, row), shape=(vocab_size,))


MARGINS = (8, 16)
"""How far below the largest logit the forty largest lie: mostly within the first."""


class Candidates:
    """Tokens with their logits, as llama.cpp's samplers take them.

    Args:
        logits: of the tokens.
        tokens: which; all of the vocabulary unless told.
    """

    def __init__(self, logits: Any, tokens: Any = None) -> None:
        self._data: Any = np.zeros(len(logits), _CANDIDATE)
        self._data["id"] = np.arange(len(logits)) if tokens is None else tokens
        self._data["logit"] = logits
        pointer = ctypes.cast(self._data.ctypes.data, ctypes.POINTER(llama_cpp.llama_token_data))
        self._array = llama_cpp.llama_token_data_array(pointer, len(logits), -1, False)

    @property
    def logits(self) -> Any:
        """To be changed in place, before anything is applied."""
        return self._data["logit"]

    def apply(self, sampler: Any) -> None:
        """Have a sampler of llama.cpp change them, or choose one."""
        apply: Any = llama_cpp.llama_sampler_apply
        apply(sampler, ctypes.byref(self._array))

    @property
    def chosen(self) -> int | None:
        """The token that a sampler chose; None where it had none that is possible."""
        at = int(self._array.selected)
        return int(self._data["id"][at]) if at >= 0 and np.isfinite(self._data["logit"][at]) else None


def _likely(logits: Any, count: int) -> Any:
    """Tokens among which are so many with the largest logits; None where that takes all. Cheap: nothing is sorted."""
    if not count:
        return None
    most = logits.max()
    for margin in MARGINS:
        likely = np.flatnonzero(logits > most - margin)
        if len(likely) >= count:
            return likely
    return None


class Sampler:
    """Draws from llama.cpp's logits.

    The grammar is asked about the one token that was drawn without it; only where that may not follow is every other
    looked at and drawn from. That is far cheaper, and greedy it is the same token.

    Args:
        chain: llama.cpp's samplers, the last of which chooses.
        matcher: of the grammar, if there is one.
        likeliest: whether they choose the token with the largest logit and do nothing else, so that it can be looked
            up where it lies: a tenth of the time, which counts where many guesses are checked.
        among: whether they first drop all but so many tokens with the largest logits; 0 where they don't. They are then
            given little more than those: the same choice in a third of the time.
    """

    def __init__(self, chain: Any, matcher: Matcher | None, *, likeliest: bool = False, among: int = 0) -> None:
        self._chain = chain
        self._matcher = matcher
        self._likeliest = likeliest
        self._among = among

    def draw(self, ctx: Any, row: int, vocab_size: int) -> int | None:
        """The token that follows a row of the last batch; None where the grammar lets none follow.

        Args:
            ctx: llama.cpp's context.
            row: of its last batch.
            vocab_size: how many logits a row has.
        """
        if self._matcher is not None:
            return self._draw(self._matcher, logits_of(ctx, row, vocab_size))
        if self._likeliest:
            return int(logits_of(ctx, row, vocab_size).argmax())
        if not self._among:
            return int(llama_cpp.llama_sampler_sample(self._chain, ctx, row))
        token = self._choose(logits_of(ctx, row, vocab_size))
        if token is not None:
            llama_cpp.llama_sampler_accept(self._chain, token)
        return token

    def _choose(self, logits: Any) -> int | None:
        likely = _likely(logits, self._among)
        candidates = Candidates(logits) if likely is None else Candidates(logits[likely], likely)
        candidates.apply(self._chain)
        return candidates.chosen

    def _draw(self, matcher: Matcher, logits: Any) -> int | None:
        token = int(logits.argmax()) if self._likeliest else self._choose(logits)
        if token is None or not matcher.allows(token):
            candidates = Candidates(logits)
            matcher.mask(candidates)
            if not np.isfinite(candidates.logits).any():
                return None
            candidates.apply(self._chain)
            token = candidates.chosen
        if token is not None:
            llama_cpp.llama_sampler_accept(self._chain, token)
            matcher.accept(token)
        return token

    def free(self) -> None:
        """Free what it holds."""
        llama_cpp.llama_sampler_free(self._chain)
        if self._matcher is not None:
            self._matcher.free()


class Gbnf:
    """A grammar for llama.cpp's own matcher.

    Args:
        vocabulary: its tokens.
        text: in GBNF, its root rule named `root`.

    Raises:
        ModelError: llama.cpp refuses it.
    """

    def __init__(self, vocabulary: Vocabulary, text: str) -> None:
        self._vocabulary = vocabulary
        self._text = text.encode()
        self.begin().free()

    def begin(self) -> Matcher:
        """See `Grammar`."""
        sampler: Any = llama_cpp.llama_sampler_init_grammar(self._vocabulary.handle, self._text, b"root")
        if not sampler:
            raise ModelError("llama.cpp can't use the grammar made of the JSON schema or regular expression.",
                             "Use a simpler one.")
        return _GbnfMatcher(sampler, self._vocabulary.controls)


class _GbnfMatcher:
    """llama.cpp would take the names of control tokens for text."""

    def __init__(self, sampler: Any, controls: frozenset[int]) -> None:
        self._sampler = sampler
        self._controls = controls

    def allows(self, token: int) -> bool:
        if token in self._controls:
            return False
        one = Candidates([1.0], [token])
        one.apply(self._sampler)
        return bool(np.isfinite(one.logits[0]))

    def mask(self, candidates: Candidates) -> None:
        candidates.logits[list(self._controls)] = -np.inf
        candidates.apply(self._sampler)

    def accept(self, token: int) -> None:
        llama_cpp.llama_sampler_accept(self._sampler, token)

    def free(self) -> None:
        llama_cpp.llama_sampler_free(self._sampler)
