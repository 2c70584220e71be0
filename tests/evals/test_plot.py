from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from agentfix.evals import Record, Stage, lineup, summarise
from agentfix.evals.figure import figure
from agentfix.evals.plot import Dot, Line, Panel, draw, ticks

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(("low", "high", "expected"), [
    (0, 940, [0, 200, 400, 600, 800, 1000]), (0.31, 0.58, [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]),
    (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 7, [0, 2, 4, 6, 8]), (0, 0, [0, 0.2]), (0.5, 0.5, [0.5, 0.6]),
])
def test_ticks_are_round_and_hold_all_values(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_a_point_stands_where_its_axes_say() -> None:
    line = Line([Dot(0, 0.0), Dot(100, 1.0, 0.5, 1.0)], "#123456")
    root = ElementTree.fromstring(draw([Panel("t", "x", "y", [line])], [("one & two", line)]))
    labels = {text.text: (float(text.get("x") or 0), float(text.get("y") or 0)) for text in root.iter(f"{SVG}text")}
    dots = [(float(c.get("cx") or 0), float(c.get("cy") or 0)) for c in root.iter(f"{SVG}circle")][:2]
    assert dots[0] == (labels["0"][0], labels["0 %"][1] - 4)
    assert dots[1] == (labels["100"][0], labels["100 %"][1] - 4)
    assert "one & two" in labels


def test_a_figure_has_a_curve_for_each_strategy_and_dashes_those_at_its_price() -> None:
    contenders = lineup(["critic"])
    records = [
        Record(f"i{n}", c.name, c.name, n, correct=n > 1, completion_tokens=90, confidence=n / 4,
               stages=(Stage(1, n > 2, 30), Stage(2, n > 1, 90)))
        for n in range(4) for c in contenders
    ]
    root = ElementTree.fromstring(figure(summarise(records, [c.name for c in contenders]), contenders))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"critic", "self-consistency@critic", "best-of-n@critic", "Risk by coverage"} <= set(texts)
    lines = list(root.iter(f"{SVG}polyline"))
    assert [line.get("stroke-dasharray") is not None for line in lines[:3]] == [False, True, True]
    accuracy = re.findall(r"[\d.]+,([\d.]+)", lines[0].get("points") or "")
    assert len(accuracy) == 2 and float(accuracy[1]) < float(accuracy[0])
    assert "prefers-color-scheme: dark" in (root.find(f"{SVG}style").text or "")  # type: ignore[union-attr]


def test_records_without_confidence_have_no_second_panel() -> None:
    records = [Record("i", "critic", "critic", 1, correct=True, completion_tokens=10)]
    drawn = figure(summarise(records, ["critic"]), lineup(["critic"], baselines=False))
    assert "Risk" not in drawn
    assert ElementTree.fromstring(drawn).get("viewBox")


@pytest.mark.parametrize("name", ["<script>&]]>", "a\x01b\x1b[31m", "\ufffe\uffff", "\ud800", "two\nlines"])
def test_whatever_a_line_is_called_the_picture_can_be_read(name: str) -> None:
    line = Line([Dot(0, 0.0)], "#123456")
    root = ElementTree.fromstring(draw([Panel("t", "x", "y", [line])], [(name, line)]).encode())
    assert root.find(f".//{SVG}script") is None
    assert len([*root.iter(f"{SVG}text")][-1].text or "") == len(name)


def test_a_curve_that_lies_on_another_one_leaves_it_visible() -> None:
    dots = [Dot(0, 0.0), Dot(100, 1.0)]
    lines = [Line(dots, "#111111"), Line(dots, "#222222"), Line([Dot(0, 0.5), Dot(100, 1.0)], "#333333")]
    root = ElementTree.fromstring(draw([Panel("t", "x", "y", lines)], []))
    below, above, apart = (float(line.get("stroke-width") or 0) for line in root.iter(f"{SVG}polyline"))
    assert below > above == apart
