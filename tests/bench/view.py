"""How long a large run takes to be drawn in Chromium: `python -m tests.bench.view [ATTEMPTS]` (2,000 if not said).

From the moment at which the page is opened, as the browser counts, until the tree, the time line and the best attempt
are drawn: of a run that the server has still to read from the journal, of one that it was started for, and of the page
as one file. Then, while the tree is scrolled from one end to
the other, the time from one frame to the next.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

from tests.view.looking import chromium, serving
from tests.view.traces import search, write

REPEATS = 5
RUN = "20260101-000000-search"
SETTLED = """() => new Promise(done => {
  const look = () => document.querySelector("html[data-drawn] .detail h2")
    ? requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))) : requestAnimationFrame(look);
  look();
})"""
SCROLL = """() => new Promise(done => {
  const list = document.querySelector(".list"), frames = [];
  let last = performance.now(), n = 0;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    list.scrollTop = (list.scrollHeight - list.clientHeight) * n / 120;
    if (n++ < 120) requestAnimationFrame(step); else done(frames.slice(2));
  };
  requestAnimationFrame(step);
})"""


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        data, file = Path(folder), Path(folder) / "run.html"
        asyncio.run(write(data, [search(count, run=RUN)]))
        subprocess.run(
            [sys.executable, "-m", "agentfix", "view", "last", "--html", str(file)],
            check=True,
            env={**os.environ, "AGENTFIX_DATA_DIR": folder},
            stdout=subprocess.DEVNULL,
        )
        asyncio.run(measure(data, file))
        sys.stdout.write(f"{'file':20} {file.stat().st_size / 1e6:.1f} MB\n")


async def measure(data: Path, file: Path) -> None:
    async with chromium() as browser:
        for name in ("run to be read", "run named", "one file"):
            print_times(name, [await drawn(browser, data, name, file) for _ in range(REPEATS)])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(file.as_uri())
        await page.evaluate(SETTLED)
        frames = await page.evaluate(SCROLL)
        sys.stdout.write(
            f"{'scrolling':20} {median(frames):.1f} ms a frame in the median, {quantiles(frames, n=20)[-1]:.1f} at "
            f"the 95th percentile, {max(frames):.1f} at most\n"
        )


async def drawn(browser, data: Path, way: str, file: Path) -> float:
    """Milliseconds from opening a page until it is drawn."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    named = ("last",) if way == "run named" else ()
    with serving(data, *named) as address:
        address = file.as_uri() if way == "one file" else address.partition("#")[0] + f"#/run/{RUN}"
        await page.goto(address, wait_until="commit")
        took = await page.evaluate(SETTLED)
    await page.close()
    return took


def print_times(name: str, times: list[float]) -> None:
    sys.stdout.write(f"{name:20} {median(times):.0f} ms in the median of {len(times)}, {max(times):.0f} at most\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
