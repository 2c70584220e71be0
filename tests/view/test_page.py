"""The page in a browser: what is seen, what keys do, and that nothing in a trace ever runs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from agentfix.cli.main import main
from agentfix.evals import Record, Stage
from agentfix.journal import Claims
from tests.view.hostile import STRINGS
from tests.view.looking import Watched, serving
from tests.view.traces import hostile, search, write

SHIRT = "20260101-000001-other"


@pytest.fixture
async def journal(tmp_path):
    """A data folder with two searches."""
    other = replace(search(5, 3, SHIRT), kind="math")
    await write(tmp_path, [other, search(40)])
    return tmp_path


@pytest.fixture
async def watched(browser):
    return Watched(await browser.new_page(viewport={"width": 1280, "height": 800}))


async def chosen(page) -> str:
    return await page.locator("[aria-selected=true].row").inner_text()


async def test_runs_are_found_and_opened_by_keys_alone(journal, watched):
    page = watched.page
    with serving(journal) as address:
        await page.goto(address)
        await watched.drawn()
        assert await page.locator(".run-row").count() == 2
        await page.keyboard.press("/")
        await page.keyboard.type("median nothing")
        assert await page.locator(".run-row").count() == 0
        await page.keyboard.press("Escape")
        assert await page.locator(".run-row").count() == 2
        await page.get_by_label("any kind").select_option("math")
        assert await page.get_by_role("status").inner_text() == "1 of 2 runs"
        await page.get_by_label("any kind").select_option("")
        await page.get_by_role("listbox", name="Runs").focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".detail h2")
        assert SHIRT in page.url
        await page.keyboard.press("Escape")
        await page.wait_for_selector(".run-row")
    assert watched.complaints == []


async def test_a_run_is_seen_as_a_tree_with_what_was_said_of_each_attempt(journal, watched):
    page = watched.page
    with serving(journal, "20260101-000000") as address:
        await page.goto(address)
        await watched.drawn()
        tree = page.get_by_role("tree", name="Attempts")
        assert "supported by contract" in await page.locator(".heading").inner_text()
        assert "★" in await chosen(page)
        assert await tree.locator("circle").count() >= 8
        await tree.focus()
        await page.keyboard.press("End")
        last = await chosen(page)
        await page.keyboard.press("ArrowLeft")
        parent = await chosen(page)
        await page.keyboard.press("ArrowRight")
        assert parent != last
        await page.keyboard.press("Home")
        assert (await chosen(page)).startswith("0 program")
        await page.wait_for_selector("h2:text-is('attempt 0 (program)')")
        detail = await page.locator(".side").inner_text()
        assert "def median(numbers):" in detail and "of 3 of the caller's checks pass" in detail
    assert watched.complaints == []


async def test_attempts_are_found_by_words(journal, watched):
    page = watched.page
    with serving(journal, "20260101-000000") as address:
        await page.goto(address)
        await watched.drawn()
        await page.get_by_role("tree").press("Home")
        await page.keyboard.press("/")
        await page.keyboard.type("measurement TypeError")
        found = await page.get_by_role("status").inner_text()
        assert 1 < int(found.removesuffix(" found")) < 20
        await page.keyboard.press("Enter")
        first = await chosen(page)
        assert "refuted by measurement" in first
        await page.keyboard.press("Enter")
        assert await chosen(page) != first
        await page.keyboard.press("Shift+Enter")
        assert await chosen(page) == first
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        assert await page.get_by_role("tree").evaluate("tree => tree === document.activeElement")
    assert watched.complaints == []


async def test_why_the_answer_changed_is_told_with_the_evidence_that_caused_it(journal, watched):
    page = watched.page
    with serving(journal, "20260101-000000") as address:
        await page.goto(address)
        await watched.drawn()
        await page.get_by_role("tab", name="Why").click()
        last = page.locator(".why > li").last
        assert "gave way to" in await last.inner_text()
        assert "supports by contract" in await last.locator(".evidence").first.inner_text()
        await last.locator("a").nth(1).click()
        await page.wait_for_selector(".detail h2:has-text('★')")
        assert await page.locator(".diff .added").count() > 0
    assert watched.complaints == []


async def test_steps_tell_what_each_call_took(journal, watched):
    page = watched.page
    with serving(journal, "20260101-000000") as address:
        await page.goto(address)
        await watched.drawn()
        await page.get_by_role("tab", name="Steps").click()
        await page.get_by_role("listbox", name="Steps").focus()
        await page.keyboard.press("Home")
        assert "120 (90) →" in await chosen(page)
        await page.wait_for_selector(".detail h2:has-text('Step 1')")
        assert "You write Python." in await page.locator(".side").inner_text()
        box = await page.locator("canvas").bounding_box()
        await page.mouse.click(box["x"] + box["width"] - 16, box["y"] + 43)
        await page.wait_for_selector(".detail h2:has-text('Step 79')")
    assert watched.complaints == []


async def test_a_run_that_is_under_way_is_followed_to_its_end(tmp_path, watched):
    page, trace = watched.page, search(30)
    begun = replace(trace, attempts=trace.attempts[:8], critiques=trace.critiques[:8], calls=trace.calls[:16])
    await write(tmp_path, [replace(begun, rounds=(), ended=False)])
    with Claims(tmp_path / "journal.sqlite").of(trace.run), serving(tmp_path, "last") as address:
        await page.goto(address)
        await page.get_by_text("under way").wait_for()
        await page.get_by_role("tab", name="Attempts (8)").wait_for()
        await page.get_by_role("tab", name="Steps").click()
        await write(tmp_path, [trace])
        await page.get_by_role("tab", name="Steps (60)", selected=True).wait_for()
        await page.get_by_text("Supported by contract: 3 of 3").wait_for()
    assert watched.complaints == []


async def test_a_run_that_was_cut_off_is_shown_with_what_there_is(tmp_path, watched):
    await write(tmp_path, [replace(search(12), ended=False)])
    with serving(tmp_path, "last") as address:
        await watched.page.goto(address)
        await watched.page.get_by_text("cut off").wait_for()
        await watched.page.get_by_role("tab", name="Why (").click()
        assert await watched.page.locator(".why > li").count() >= 1
    assert watched.complaints == []


async def test_two_marked_runs_stand_side_by_side(journal, watched):
    page = watched.page
    with serving(journal) as address:
        await page.goto(address)
        await watched.drawn()
        await page.keyboard.press("m")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("m")
        await page.get_by_role("link", name="Compare").click()
        await page.wait_for_selector(".halves")
        assert await page.locator(".half").count() == 2
        assert "40" in await page.locator("tr:has(th:text-is('attempts'))").inner_text()
        assert await page.locator(".diff").count() == 1
    assert watched.complaints == []


def evaluation(path: Path, strategy: str = "critic", answer: str = "80") -> Path:
    records = [
        Record(
            f"q{n}",
            name,
            name,
            n,
            first_answer="1",
            first_correct=False,
            answer=answer,
            correct=n % 2 == 0,
            any_correct=n % 2 == 0,
            stages=(Stage(1, False, 20), Stage(2, n % 2 == 0, 50)),
            confidence=0.5 + n / 20,
            attempts=2,
            completion_tokens=50,
            seconds=1.5,
        )
        for name in (strategy, f"self-consistency@{strategy}")
        for n in range(6)
    ]
    lines = [{"data": answer, "model": "m", "seed": 0}, *map(asdict, records)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


async def test_an_evaluation_has_its_table_its_curves_and_its_items(tmp_path, watched):
    page = watched.page
    with serving(tmp_path, str(evaluation(tmp_path / "e.jsonl"))) as address:
        await page.goto(address)
        await watched.drawn()
        assert "50.0%" in await page.locator("tr:has(th:text-is('results right'))").inner_text()
        assert "self-consistency@critic" in await page.locator("table").last.inner_text()
        assert await page.locator("img.curves").evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
        await page.get_by_label("What became of them").select_option("wrong, then right")
        assert await page.get_by_role("status").inner_text() == "6 of 12"
    assert watched.complaints == []


@pytest.fixture
async def poisoned(tmp_path):
    """A data folder whose every text is hostile, names of runs included."""
    runs = [replace(hostile(bad, [bad]), run=bad) for bad in STRINGS if "\ud800" not in bad and "\x00" not in bad]
    await write(tmp_path, [*runs, hostile("z-all", STRINGS)])
    return tmp_path


async def walk(watched: Watched, address: str, *, whole: bool) -> None:
    """Look at everything."""
    page = watched.page
    await page.goto(f"{address}#/run/z-all")
    await watched.drawn()
    await page.get_by_role("tree").focus()
    await page.keyboard.press("Home")
    for number in range(len(STRINGS)):
        await page.wait_for_selector(f".detail h2:has-text('attempt {number}')")
        await page.keyboard.press("ArrowDown")
    await page.get_by_role("tab", name="Why").click()
    assert await page.locator(".why > li").count() >= 10
    await page.get_by_role("tab", name="Steps").click()
    await page.get_by_role("listbox", name="Steps").focus()
    await page.keyboard.press("Home")
    for number in range(1, 2 * len(STRINGS) + 1):
        await page.wait_for_selector(f".detail h2:has-text('Step {number}:')")
        await page.keyboard.press("ArrowDown")
    if whole:
        await page.evaluate("location.hash = '#/'")
        await page.wait_for_selector(".run-row")
        await page.keyboard.press("End")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".detail h2")
        await page.evaluate("location.hash = View.address('compared', 'z-all', '<svg onload=window.owned=1>')")
        await page.wait_for_selector(".halves")


async def require_harmless(watched: Watched, origin: str) -> None:
    origin = origin.partition("#")[0]
    assert await watched.page.evaluate("window.owned") is None
    assert watched.dialogs == []
    assert [url for url in watched.requests if not url.startswith((origin, "data:image/svg+xml"))] == []
    assert watched.complaints == [], "a policy that had to refuse something would say so here"
    assert watched.page.url.startswith(origin)
    assert (
        await watched.page.locator(
            "main :is(script, iframe, object, embed, form, base, link, style, [onerror], [onload])"
        ).count()
        == 0
    )


async def test_nothing_in_a_trace_runs_on_the_served_page(poisoned, watched):
    assert len(STRINGS) == 50
    with serving(poisoned) as address:
        await walk(watched, address, whole=True)
        await require_harmless(watched, address)


async def test_nothing_in_a_trace_runs_in_a_file_of_its_own(poisoned, watched, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(poisoned))
    page = poisoned / "run.html"
    assert await run_main("view", "z-all", "--html", str(page)) == 0
    await walk(watched, page.as_uri(), whole=False)
    await require_harmless(watched, page.as_uri())


async def test_nothing_in_an_evaluation_runs(tmp_path, watched):
    bad = "".join(STRINGS).replace("\ud800", "?")
    with serving(tmp_path, str(evaluation(tmp_path / "e.jsonl", bad, bad))) as address:
        await watched.page.goto(address)
        await watched.drawn()
        await watched.page.wait_for_selector(".item-row")
        await require_harmless(watched, address)


async def test_a_file_of_its_own_shows_two_runs_and_asks_nobody(journal, watched, monkeypatch):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(journal))
    page = journal / "two.html"
    assert await run_main("view", SHIRT, "20260101-000000", "--html", str(page)) == 0
    await watched.page.goto(page.as_uri())
    await watched.page.wait_for_selector(".halves")
    await watched.page.locator(".half h2 a").first.click()
    await watched.page.wait_for_selector(".detail h2")
    assert watched.requests == [page.as_uri()]
    assert watched.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read_on_its_ground(journal, browser, scheme):
    page = await browser.new_page(color_scheme=scheme)
    with serving(journal) as address:
        for part in (
            "",
            "#/run/20260101-000000-search",
            "#/run/20260101-000000-search/why",
            "#/run/20260101-000000-search/step/2",
            f"#/compared/20260101-000000-search/{SHIRT}",
        ):
            await page.goto("about:blank")
            await page.goto(f"{address}{part}")
            await page.wait_for_selector("html[data-drawn]")
            assert await page.evaluate(CONTRASTS) == [], part


CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = parts(getComputedStyle(each).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) poor.push(`${element.className} ${element.textContent.slice(0, 40)} ${contrast.toFixed(2)}`);
  }
  return poor;
}"""


async def run_main(*arguments: str) -> int:
    """The command, in a thread, as it has an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(main, list(arguments))
