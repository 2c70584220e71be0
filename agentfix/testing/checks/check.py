"""How one check is run: excused by name, failing with a sentence, or only warning."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar
from unittest import SkipTest

Seen = TypeVar("Seen")


class ConformanceWarning(UserWarning):
    """Something that a plugin should do better, and may do."""


class Fault(AssertionError):
    """What is wrong, where, and what to do: in one sentence."""


class Checks:
    """What classes of checks have in common.

    Attributes:
        known_failures: names of checks that fail, with the reason.
        target: names the plugin as `agentfix plugins check` takes it: a module, a file, a folder. Without it nothing
            can be checked in another process.
        timeout_s: how long one call may take.
        seed: where made-up arguments start from.
    """

    known_failures: ClassVar[Mapping[str, str]] = {}
    target: ClassVar[str] = ""
    timeout_s: ClassVar[float] = 5.0
    seed: ClassVar[int] = 0
    _seen: ClassVar[dict[str, Any]] = {}
    noted: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._seen = {}

    def once(self, what: str, see: Callable[[], Seen]) -> Seen:
        """What was seen of something, which all checks of this class look at: it is tried once only.

        Args:
            what: names it, such as a tool.
            see: tries it.
        """
        if what not in self._seen:
            self._seen[what] = see()
        return self._seen[what]


Self = TypeVar("Self", bound=Checks)
Check: TypeAlias = Callable[[Self, Any], str | None]
"""May return what there is to say though nothing is wrong."""


def check(test: Check[Self]) -> Callable[[Self, Any], None]:
    """A check, which fails by a `Fault`. What it returns is kept in `noted`."""
    name = getattr(test, "__name__", "")

    @functools.wraps(test)
    def run(self: Self, *args: Any, **kwargs: Any) -> None:
        if name not in self.known_failures:
            self.noted = test(self, *args, **kwargs) or ""
            return
        try:
            test(self, *args, **kwargs)
        except SkipTest:
            raise
        except Exception as error:  # however it fails, it is known to
            raise SkipTest(f"known to fail: {self.known_failures[name]}") from error
        raise Fault(f"{name} passes by now: take it out of known_failures")
    return run


def require(holds: object, fault: str) -> None:
    """Fail with a sentence that says what is wrong, where, and what to do, unless something holds."""
    if not holds:
        raise Fault(fault)


def require_is(value: object, kind: Any, what: str) -> None:
    """Fail with `WHAT is VALUE` unless a value is of a type, whatever it was said to be."""
    if not isinstance(value, kind):
        said = " ".join(repr(value).split())[:160]
        raise Fault(f"{what} is {said}")
