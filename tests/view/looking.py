"""A page served as users serve it, and a browser to look at it with."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def serving(data_dir: Path, *names: str):
    """The address that `agentfix view` prints, while it serves a data folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agentfix", "view", *names],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "AGENTFIX_DATA_DIR": str(data_dir)},
    )
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextlib.asynccontextmanager
async def chromium():
    """A headless browser; `test`s that need it are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.async_api", reason="pip install playwright")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


class Watched:
    """A page, and what it did that nobody asked for."""

    def __init__(self, page) -> None:
        self.page = page
        self.dialogs, self.requests, self.complaints = [], [], []
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def drawn(self) -> None:
        await self.page.wait_for_selector("html[data-drawn]")
