"""The figure of a table: accuracy against tokens, and risk against coverage. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agentfix.evals.lineup import Contender
from agentfix.evals.plot import COLOURS, Dot, Line, Panel, draw
from agentfix.evals.summary import Summary


def figure(summaries: Sequence[Summary], contenders: Sequence[Contender]) -> str:
    """An SVG file.

    Args:
        summaries: of the strategies.
        contenders: of the same table; the lines of those whose answers another pays for are dashed.
    """
    paid = {contender.name for contender in contenders if contender.spender is not None}

    def line(number: int, summary: Summary, dots: Sequence[Dot] = ()) -> Line:
        return Line(dots, COLOURS[number % len(COLOURS)], summary.strategy in paid)

    accuracy = [
        line(n, s, [Dot(p.completion_tokens, p.accuracy.value, p.accuracy.low, p.accuracy.high) for p in s.curve])
        for n, s in enumerate(summaries)
    ]
    risk = [
        line(n, s, [Dot(coverage, risk) for coverage, risk, _ in s.calibration.risk_coverage])
        for n, s in enumerate(summaries) if s.calibration is not None
    ]
    panels = [Panel("Accuracy by what was spent on it", "completion tokens per run, after each round",
                    "answers right (95% intervals)", accuracy)]
    if risk:
        panels.append(Panel("Risk by coverage", "questions answered, the surest first", "of those, wrong", risk,
                            percent=True))
    return draw(panels, [(summary.strategy, line(n, summary)) for n, summary in enumerate(summaries)])
