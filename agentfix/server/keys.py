"""Who may ask."""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import ConfigError
from agentfix.server.account import Account, Allowance
from agentfix.server.failures import Refusal
from agentfix.server.spending import Spending
from agentfix.settings import read_key

_TABLES = TypeAdapter(dict[str, Allowance])


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
