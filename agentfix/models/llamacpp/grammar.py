"""What completions must follow: a JSON schema or a regular expression, as a grammar for a vocabulary."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agentfix.errors import InputError
from agentfix.models.llamacpp.expressions import NOTHING, as_gbnf
from agentfix.models.llamacpp.regexes import UnsupportedRegexError, expression_of
from agentfix.models.llamacpp.sampler import Gbnf, Grammar
from agentfix.models.llamacpp.schemas import checked, schema_gbnf
from agentfix.models.llamacpp.vocabulary import Vocabulary

if TYPE_CHECKING:
    from agentfix.models.llamacpp.guidance import Guide


class Grammars:
    """Makes grammars: for llguidance where it is installed, and else, or where that can't, for llama.cpp.

    Args:
        vocabulary: its tokens.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._guides: list[Guide] | None = None

    def schema(self, schema: Any) -> Grammar:
        """A grammar of the JSON texts that satisfy a schema. What no grammar can say of it is left out.

        Raises:
            InputError: it is none, or nothing satisfies it.
        """
        plain = checked(schema)
        for guide in self._installed():
            with suppress(ValueError, RecursionError):
                return guide.schema(plain)
        return Gbnf(self._vocabulary, schema_gbnf(plain))

    def regex(self, pattern: str) -> Grammar:
        """A grammar of the texts that match a regular expression as a whole.

        Raises:
            InputError: no grammar can say it; names what is in the way.
        """
        try:
            expression = expression_of(pattern)
        except UnsupportedRegexError as error:
            raise InputError(f"The regular expression {pattern!r} can't be made into a grammar: {error}.",
                             "Write it without.") from None
        if expression == NOTHING:
            raise InputError(f"No text matches the regular expression {pattern!r}.", "Correct it.")
        try:
            for guide in self._installed():
                with suppress(ValueError):
                    return guide.regex(expression)
            return Gbnf(self._vocabulary, as_gbnf(expression, {}))
        except RecursionError:
            raise InputError(f"The regular expression {pattern[:200]!r} is too deep.", "Use a simpler one.") from None

    def _installed(self) -> list[Guide]:
        """llguidance, if it is there."""
        with self._lock:
            if self._guides is None:
                self._guides = []
                try:
                    from agentfix.models.llamacpp.guidance import Guide  # noqa: PLC0415 - needs an optional package
                except ModuleNotFoundError:
                    pass
                else:
                    with suppress(ValueError):
                        self._guides = [Guide(self._vocabulary)]
            return self._guides
