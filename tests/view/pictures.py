"""Takes README's pictures of `agentfix view` anew: `python -m tests.view.pictures DATA_DIR RUN`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.view.looking import chromium, serving

FOLDER = Path(__file__).parent.parent.parent / "agentfix" / "view" / "pictures"
SIZE = {"width": 1180, "height": 780}


async def take(data: Path, run: str) -> None:
    async with chromium() as browser:
        for scheme, part in (("light", "tree"), ("dark", "why")):
            page = await browser.new_page(viewport=SIZE, color_scheme=scheme)
            with serving(data, run) as address:
                await page.goto(address)
                await page.wait_for_selector(".detail h2")
                if part == "why":
                    await page.get_by_role("tab", name="Why").click()
                await page.screenshot(path=FOLDER / f"{part}-{scheme}.png", caret="hide")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(take(Path(sys.argv[1]), sys.argv[2]))
