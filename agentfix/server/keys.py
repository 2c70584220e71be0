"""Who may ask, how often, and for how much."""

from __future__ import annotations

import hashlib
import secrets
import time
import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agentfix.errors import ConfigError
from agentfix.server.failures import NEVER_AGAIN, Refusal
from agentfix.server.spending import Spending, SpendingInMemory
from agentfix.settings import read_key
from agentfix.types import Usage

MINUTE_S, DAY_S = 60.0, 86_400.0


class Allowance(BaseModel):
    """What the owner of a key may have; None for no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str = Field(min_length=1)
    """Name of the environment variable, or of the keyring's entry, that holds the key itself."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_day: int | None = Field(default=None, ge=1)
    """Prompt tokens that had to be read, and completion tokens. Days are those of UTC."""
    cost_per_day: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Money, in the unit of the price table."""


_TABLES = TypeAdapter(dict[str, Allowance])


class Account:
    """One who asks.

    Args:
        name: for people, and for what is kept of it.
        allowance: its limits; None for none.
        now: the time in seconds.
        spending: keeps what was spent of budgets; forgotten with the process when None.
    """

    def __init__(self, name: str, allowance: Allowance | None = None, now: Callable[[], float] = time.time,
                 spending: Spending | None = None) -> None:
        self.name = name
        self._limits = allowance or Allowance(key="-")
        self._now = now
        self._asked: deque[float] = deque()
        self._spending = spending or SpendingInMemory()

    def admit(self) -> None:
        """Count a request.

        Raises:
            Refusal: it is one too many, or nothing is left of the budget.
        """
        now = self._now()
        while self._asked and self._asked[0] <= now - MINUTE_S:
            self._asked.popleft()
        most = self._limits.requests_per_minute
        if most is not None and len(self._asked) >= most:
            wait = max(1, round(self._asked[0] + MINUTE_S - now + 0.5))
            raise Refusal(429, f"This key may ask {most} times a minute. Ask again in {wait} seconds.", "requests",
                          "rate_limit_exceeded", headers={"retry-after": str(wait)})
        if any(left is not None and left <= 0 for left in self.left()):
            raise Refusal(429, "The budget of this key is spent for today. Ask again tomorrow (UTC).",
                          "insufficient_quota", "insufficient_quota", headers=NEVER_AGAIN)
        self._asked.append(now)

    def left(self) -> tuple[int | None, float | None]:
        """Tokens and money that may still be spent today; None for no limit."""
        tokens, cost = self._limits.tokens_per_day, self._limits.cost_per_day
        if tokens is None and cost is None:
            return None, None
        spent = self._spending.of(self.name, self._today())
        return (None if tokens is None else max(0, tokens - spent[0]),
                None if cost is None else max(0.0, cost - spent[1]))

    def spend(self, usage: Usage) -> None:
        """Count what a call took. One without a known price uses a budget of money up."""
        limits = self._limits
        if limits.tokens_per_day is not None or limits.cost_per_day is not None:
            cost = (limits.cost_per_day or 0.0) if usage.cost is None else usage.cost
            self._spending.add(self.name, self._today(), usage.tokens, cost)

    def _today(self) -> int:
        return int(self._now() // DAY_S)


class Keys:
    """The keys that are known.

    Args:
        accounts: by key; when empty, everybody is let in.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = {_digest(key): account for key, account in accounts.items()}
        self._anybody = Account("anybody")

    @property
    def needed(self) -> bool:
        """Whether a key must be shown."""
        return bool(self._accounts)

    def find(self, header: str) -> Account:
        """Whose key was shown.

        Args:
            header: the request's `authorization`.

        Raises:
            Refusal: nobody's.
        """
        if not self.needed:
            return self._anybody
        scheme, _, key = header.partition(" ")
        shown = _digest(key.strip())
        found = [account for digest, account in self._accounts.items() if secrets.compare_digest(digest, shown)]
        if scheme.lower() != "bearer" or not found:
            raise Refusal(401, "Show a key that this server knows, as `Authorization: Bearer KEY`.",
                          code="invalid_api_key", headers={"www-authenticate": "Bearer"})
        return found[0]


def load_keys(names: Sequence[str], file: Path | None, spending: Spending | None = None) -> Keys:
    """The keys that the server is told of.

    Args:
        names: of keys without limits: variables of the environment, or entries of the keyring.
        file: TOML with a table for each key: see `Allowance`.
        spending: keeps what was spent of budgets; forgotten with the process when None.

    Raises:
        ConfigError: the file can't be read, or a key is not set.
    """
    tables = {name: Allowance(key=name) for name in names} | (_read(file) if file is not None else {})
    accounts: dict[str, Account] = {}
    for name, allowance in tables.items():
        key = read_key(allowance.key)
        if key is None:
            raise ConfigError(f"The key {allowance.key!r} is not set.", "Set it in the environment or the keyring.")
        if key in accounts:
            raise ConfigError(f"{name!r} and {accounts[key].name!r} have the same key.", "Give each its own.")
        accounts[key] = Account(name, allowance, spending=spending)
    return Keys(accounts)


def _read(file: Path) -> dict[str, Allowance]:
    try:
        tables = _TABLES.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file}: {where} is wrong: {first['msg']}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} can't be read: {error}.", "Name a TOML file with a table for each key.") from error
    if not tables:
        raise ConfigError(f"{file} names no key.", "Write a table for each, such as [alice] with key = \"ALICE_KEY\".")
    return tables


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
