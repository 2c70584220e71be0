"""Settings that hold for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgres import TOLD, new_database, some_server

# How long an example takes says more of the machine than of us. And the same examples are tried everywhere, so that a
# change that fails on another machine fails on this one.
settings.register_profile("agentfix", deadline=None, derandomize=True)
settings.load_profile("agentfix")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'agentfix[postgres]'")
    with some_server() as url:
        if url is None:
            pytest.skip(f"no PostgreSQL here: apt-get install postgresql, or set {TOLD}")
        yield url


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The URL of an empty database."""
    with new_database(postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a journal is to be kept that nothing is in yet: a file or the URL of a database."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "journal.sqlite")
    return request.getfixturevalue("database")
