"""A vocabulary as grammars see it: what each token writes, and which write nothing. May be read in any thread."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import Any

import llama_cpp


class Vocabulary:
    """The tokens of a model.

    Args:
        handle: llama.cpp's vocabulary.
    """

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.size = int(llama_cpp.llama_vocab_n_tokens(handle))

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end a text."""
        return frozenset(token for token in range(self.size) if llama_cpp.llama_vocab_is_eog(self.handle, token))

    @cached_property
    def controls(self) -> frozenset[int]:
        """The other tokens that are no text."""
        found = (token for token in range(self.size) if llama_cpp.llama_vocab_is_control(self.handle, token))
        return frozenset(found) - self.ends

    def pieces(self) -> list[bytes]:
        """The bytes of every token; the name of one that is no text."""
        size = 4096
        buffer = ctypes.create_string_buffer(size)
        read: Any = llama_cpp.llama_token_to_piece
        lengths = (read(self.handle, token, buffer, size, 0, True) for token in range(self.size))
        return [buffer.raw[:length] if length > 0 else b"" for length in lengths]

    def tokenize(self, text: bytes) -> list[int]:
        """Text as tokens, none of them special."""
        buffer = (llama_cpp.llama_token * (len(text) + 8))()
        count = llama_cpp.llama_tokenize(self.handle, text, len(text), buffer, len(buffer), False, False)
        return list(buffer[:count])
