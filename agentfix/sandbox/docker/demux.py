"""Undoes the engine's multiplexing of a container's standard output and standard error."""

from __future__ import annotations

from agentfix.sandbox.output import HeadTail

_HEADER_BYTES = 8
_STDERR = 2


class Demux:
    """Takes what the engine sends: a stream number, three zero bytes and a u32 length before each piece.

    Args:
        errors: takes what belongs to standard error.
    """

    def __init__(self, errors: HeadTail) -> None:
        self._errors = errors
        self._header = bytearray()
        self._left = 0
        """How much of the piece under way is still to come."""

    def feed(self, data: bytes) -> bytearray:
        """Take bytes; return what belongs to standard output. Nothing is kept but the beginning of a header."""
        output = bytearray()
        view = memoryview(data)
        while view:
            if not self._left:
                missing = _HEADER_BYTES - len(self._header)
                self._header += view[:missing]
                view = view[missing:]
                if len(self._header) < _HEADER_BYTES:
                    break
                self._left = int.from_bytes(self._header[4:], "big")
            piece, view = view[:self._left], view[self._left:]
            self._left -= len(piece)
            if self._header[0] == _STDERR:
                self._errors.add(bytes(piece))
            else:
                output += piece
            if not self._left:
                self._header.clear()
        return output
