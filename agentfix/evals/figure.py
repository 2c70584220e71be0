"""The figure of a table: accuracy against tokens, and risk against coverage. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from agentfix.evals.lineup import Contender
from agentfix.evals.plot import COLOURS, Dot, Line, Panel, draw
from agentfix.evals.summary import Summary

_DASHES = {"self-consistency": "6 4", "best-of-n": "2 3"}


def figure(summaries: Sequence[Summary], contenders: Sequence[Contender]) -> str:
    """An SVG file.

    Args:
        summaries: of the strategies.
        contenders: of the same table; those whose answers another pays for have its colour, and their lines are broken.
    """
    spender = {contender.name: contender.spender or contender.name for contender in contenders}
    sort = {contender.name: contender.strategy for contender in contenders}
    colour = dict(zip(dict.fromkeys(spender[s.strategy] for s in summaries), cycle(COLOURS), strict=False))

    def line(summary: Summary, dots: Sequence[Dot] = ()) -> Line:
        name = summary.strategy
        paid = spender[name] != name
        return Line(dots, colour[spender[name]], _DASHES.get(sort[name], "6 4") if paid else "")

    accuracy = [
        line(s, [Dot(p.completion_tokens, p.accuracy.value, p.accuracy.low, p.accuracy.high) for p in s.curve])
        for s in summaries
    ]
    risk = [
        line(s, [Dot(coverage, risk) for coverage, risk, _ in s.calibration.risk_coverage])
        for s in summaries if s.calibration is not None
    ]
    panels = [Panel("Accuracy by what was spent on it", "completion tokens per run, after each round",
                    "answers right (95% intervals)", accuracy)]
    if risk:
        panels.append(Panel("Risk by coverage", "questions answered, the surest first", "of those, wrong", risk,
                            percent=True))
    return draw(panels, [(summary.strategy, line(summary)) for summary in summaries])
