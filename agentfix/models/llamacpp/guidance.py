"""llguidance in the place of llama.cpp's own matcher: it says more of a JSON schema, and masks a vocabulary in under a
millisecond where llama.cpp takes tens of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from agentfix.errors import InputError
from agentfix.models.llamacpp.expressions import NOTHING, Expression, as_regex
from agentfix.models.llamacpp.merging import Document, Schema
from agentfix.models.llamacpp.regexes import UnsupportedRegexError, expression_of
from agentfix.models.llamacpp.sampler import Candidates, LostGrammarError, Matcher
from agentfix.models.llamacpp.vocabulary import Vocabulary

_OPTIONS: Any = {"lenient": True, "whitespace_pattern": r" |\n[ \t]{0,20}"}
_LEAST = 1e-6
_MOST_DEEP = 1000
"""llguidance calls itself for every schema in another and what that refers to, and fills a thread's stack at 2000."""
_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties")
_SOURCES = frozenset({"properties", "anyOf", "oneOf", "$ref"})
_OPEN = frozenset({"additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "$ref"})


class Guide:
    """Makes grammars for a vocabulary.

    Args:
        vocabulary: its tokens; reading them may take a second.

    Raises:
        ValueError: llguidance can't use it.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ends = vocabulary.ends
        if not self._ends:
            raise ValueError("no token ends a text")
        self._tokenizer = LLTokenizer(TokenizerWrapper(_Tokens(vocabulary)), eos_token=sorted(self._ends))

    def schema(self, schema: Any) -> Guided:
        """A grammar of the JSON texts that satisfy a schema.

        Args:
            schema: as `schemas.checked` returns it.

        Raises:
            ValueError: llguidance can't use it.
        """
        if _deepest(schema) > _MOST_DEEP:
            raise ValueError("too deep")
        closed = not any(map(_combines, _parts(schema)))
        text = json.dumps(_relaxed(schema, closed=closed))
        return self._guided(LLMatcher.grammar_from_json_schema(text, overrides=_OPTIONS))

    def regex(self, expression: Expression) -> Guided:
        """A grammar of the texts that satisfy an expression without rules.

        Raises:
            ValueError: llguidance can't use it.
        """
        return self._guided(LLMatcher.grammar_from_regex(as_regex(expression)))

    def _guided(self, grammar: str) -> Guided:
        first = LLMatcher(self._tokenizer, grammar, log_level=0)
        first.compute_bitmask()  # only then it knows whether anything satisfies it
        if first.is_error():
            raise ValueError(first.get_error())
        return Guided(first, self._ends)


class _Tokens:
    """A vocabulary by the names that llguidance gives its parts."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id = min(vocabulary.ends)
        self.bos_token_id = None
        self.tokens = vocabulary.pieces()
        self.special_token_ids = sorted(vocabulary.ends | vocabulary.controls)
        self._tokenize = vocabulary.tokenize

    def __call__(self, text: bytes) -> list[int]:
        return self._tokenize(text)


class Guided:
    """A grammar for llguidance.

    Args:
        first: stands at its beginning.
        ends: the tokens that end a text.
    """

    def __init__(self, first: LLMatcher, ends: frozenset[int]) -> None:
        self._first = first
        self._ends = ends

    def begin(self) -> Matcher:
        """See `Grammar`."""
        return _GuidedMatcher(self._first.deep_copy(), self._ends)


class _GuidedMatcher:
    def __init__(self, matcher: LLMatcher, ends: frozenset[int]) -> None:
        self._matcher = matcher
        self._ends = ends

    def allows(self, token: int) -> bool:
        if self._matcher.is_stopped():  # nothing but the end may follow, which it does not say by itself
            return token in self._ends and not self._matcher.is_error()
        return self._matcher.validate_tokens([token]) == 1

    def mask(self, candidates: Candidates) -> None:
        logits = candidates.logits
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            raise LostGrammarError("The JSON schema or regular expression grew too complex for llguidance.",
                                   "Use a simpler one, with smaller numbers of repetitions.")
        logits[np.unpackbits(bits, count=len(logits), bitorder="little") == 0] = -np.inf

    def accept(self, token: int) -> None:
        self._matcher.consume_token(token)

    def free(self) -> None:
        """Nothing outlives it."""


# --- schemas as llguidance takes them ---------------------------------------------------------------------------------

def _parts(schema: Any) -> Iterator[Schema]:
    """A schema and those in it."""
    if isinstance(schema, bool | list):  # a list is of an older draft, which llguidance does not take
        return
    yield schema
    for part in _inner(schema):
        yield from _parts(part)


def _inner(schema: Schema) -> list[Any]:
    return [*(part for word in _MAPS for part in schema.get(word, {}).values()),
            *(part for word in _LISTS for part in schema.get(word, [])),
            *(schema[word] for word in _SINGLE if word in schema)]


def _deepest(schema: Any) -> int:
    """How deep schemas may lie in each other, with each reference followed once."""
    document = Document(schema)
    references = {str(part["$ref"]) for part in _parts(schema) if "$ref" in part}
    depth = _depth(schema)
    for reference in references:
        with suppress(InputError):  # it leads nowhere
            depth += _depth(document.target(reference))
    return depth


def _depth(schema: Any) -> int:
    if isinstance(schema, bool | list):
        return 0
    return 1 + max(map(_depth, _inner(schema)), default=0)


def _combines(schema: Schema) -> bool:
    """Whether an object may get its properties from several schemas, so that none may be closed alone."""
    sources = sum(word in schema for word in _SOURCES)
    parts = (part for part in schema.get("allOf", ()) if not isinstance(part, bool))
    return sources + sum(not _SOURCES.isdisjoint(part) for part in parts) > 1


def _relaxed(schema: Any, *, closed: bool) -> Any:
    """Without the patterns and references that llguidance refuses with all the rest.

    Args:
        schema: what is asked for.
        closed: an object gets no properties but those of its schema, unless that says so.
    """
    if isinstance(schema, bool | list):
        return cast(Any, schema)
    kept: dict[str, Any] = {**schema}
    for word in kept.keys() & {*_MAPS}:
        kept[word] = {name: _relaxed(part, closed=closed) for name, part in kept[word].items()}
    for word in kept.keys() & {*_LISTS}:
        kept[word] = [_relaxed(part, closed=closed) for part in kept[word]]
    for word in kept.keys() & {*_SINGLE}:
        kept[word] = _relaxed(kept[word], closed=closed)
    if "pattern" in kept:
        kept["pattern"] = _pattern(kept["pattern"])
    if "patternProperties" in kept:
        patterns = {_pattern(each): part for each, part in kept["patternProperties"].items()}
        kept["patternProperties"] = {each: part for each, part in patterns.items() if each}
    if kept.get("exclusiveMinimum") == 0:  # it would let 0 pass below a maximum under 1
        kept["exclusiveMinimum"], kept["minimum"] = None, max(_LEAST, kept.get("minimum", 0))
    if not f"{kept.get('$ref', '#')}/".startswith("#/"):
        kept["$ref"] = None
    kept = {word: value for word, value in kept.items() if value is not None or word == "const"}
    if closed and _OPEN.isdisjoint(kept) and {*kept.get("required", ())} <= {*kept.get("properties", ())} != set():
        kept["additionalProperties"] = False
    return kept


def _pattern(pattern: str) -> str | None:
    """A pattern in the syntax of Rust, with Python's meaning; as it is where only llguidance knows it."""
    try:
        expression = expression_of(pattern, anywhere=True)
    except UnsupportedRegexError:
        alone = LLMatcher.grammar_from_json_schema(json.dumps({"type": "string", "pattern": pattern}))
        return None if LLMatcher.validate_grammar(alone) else pattern
    return None if expression == NOTHING else f"^(?:{as_regex(expression)})$"
