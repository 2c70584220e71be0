"""Keeps the head and the tail of what a program prints, and never more."""

from __future__ import annotations

KILL_BYTES = 16 * 2**20
"""A program that prints more than this on its two streams together is killed."""
VALUE_BYTES = 64 * 2**10
"""More than this of a value is not returned."""


class HeadTail:
    """One stream of output, bounded.

    Args:
        limit_bytes: how much is kept: half from the beginning, half from the end.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._head_bytes = limit_bytes - limit_bytes // 2
        self._tail_bytes = limit_bytes // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self.total_bytes += len(data)
        room = self._head_bytes - len(self._head)
        self._head += data[:room]
        self._tail += data[max(room, 0):]
        if len(self._tail) > 2 * self._tail_bytes:
            del self._tail[: len(self._tail) - self._tail_bytes]

    @property
    def truncated(self) -> bool:
        """Whether something was cut out."""
        return self.total_bytes > self._head_bytes + self._tail_bytes

    def text(self) -> str:
        """What was kept, with a mark where output was cut. Bytes that are not UTF-8 appear as `\\xff`."""
        if not self.truncated:
            return (self._head + self._tail).decode("utf-8", "backslashreplace")
        tail = self._tail[len(self._tail) - self._tail_bytes:]
        cut = self.total_bytes - self._head_bytes - self._tail_bytes
        return (f"{self._head.decode('utf-8', 'backslashreplace')}\n[... {cut} bytes cut ...]\n"
                f"{tail.decode('utf-8', 'backslashreplace')}")


def one_line(text: str, limit: int = 2000) -> str:
    """A text without line breaks, bounded to so many characters. Of a long text only the beginning is looked at."""
    return " ".join(text[:4 * limit].split())[:limit]
