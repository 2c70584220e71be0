"""A browser for the tests that look at pages."""

from __future__ import annotations

import pytest

from tests.view.looking import chromium


@pytest.fixture
async def browser():
    async with chromium() as started:
        yield started
