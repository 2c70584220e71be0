"""Curves as an SVG file that can be read on light and on dark ground. Pure; knows nothing about what is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 360
"""Of a panel, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 64, 28, 40, 52
LEGEND = 22
"""Height of a line of the legend."""
_NO_XML = {code: "\ufffd" for code in (*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000))}
"""What XML can't hold, and line breaks, which a label has no room for."""
COLOURS = ("#3987d4", "#dd7a1f", "#2fa37c", "#b765c9", "#d1504b", "#8a8f2a", "#7d7fd1", "#b07d4f")
"""Told apart on white and on black, and by those who see fewer colours."""
STYLE = """\
.ground { fill: #fff; } text { font: 12px system-ui, sans-serif; fill: #24292f; } .title { font-weight: 600; }
.axis { stroke: #57606a; } .grid { stroke: #d0d7de; stroke-width: .6; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #0d1117; } text { fill: #e6edf3; } .axis { stroke: #8b949e; } .grid { stroke: #30363d; }
}"""


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line, with the interval of its height where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points from left to right."""

    dots: Sequence[Dot]
    colour: str
    dashes: str = ""
    """Lengths of strokes and gaps, in pixels; a whole line when empty."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes; the heights are shares, shown as percents."""

    title: str
    across: str
    """What the horizontal axis tells."""
    up: str
    lines: Sequence[Line]
    percent: bool = False
    """The horizontal axis tells a share too."""


def draw(panels: Sequence[Panel], legend: Sequence[tuple[str, Line]]) -> str:
    """Panels beside each other, and below them what the lines are.

    Args:
        panels: at least one.
        legend: names, each with a line that looks like its own.
    """
    width, height = WIDTH * len(panels), HEIGHT + LEGEND * len(legend) + 8
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" role="img">', f"<style>{STYLE}</style>",
             '<rect class="ground" width="100%" height="100%"/>']
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * WIDTH} 0)">', *_panel(panel), "</g>"]
    for number, (name, line) in enumerate(legend):
        y = HEIGHT + LEGEND * (number + 0.5)
        parts += [_polyline([(LEFT, y), (LEFT + 36, y)], line), f'<circle cx="{LEFT + 18}" cy="{y:.1f}" r="3.5" '
                  f'fill="{line.colour}"/>', _text(LEFT + 46, y + 4, name)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart, from at or below the one end to at or above the other.

    Args:
        low: the least value to be shown.
        high: the greatest.
        most: about how many steps.
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / most * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _panel(panel: Panel) -> Iterator[str]:
    dots = [dot for line in panel.lines for dot in line.dots]
    heights = [value for dot in dots for value in (dot.y, dot.low, dot.high) if value is not None] or [0.0, 1.0]
    across, up = ticks(0.0, max((dot.x for dot in dots), default=1.0)), ticks(min(heights), max(heights))
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    x, y = _scale(across, LEFT, right), _scale(up, bottom, TOP)
    yield _text(LEFT, TOP - 16, panel.title, kind="title")
    for value in up:
        yield f'<path class="grid" d="M{LEFT} {y(value):.1f}H{right}"/>'
        yield _text(LEFT - 8, y(value) + 4, _percent(value), anchor="end")
    for value in across:
        yield f'<path class="axis" d="M{x(value):.1f} {bottom}v5"/>'
        yield _text(x(value), bottom + 20, _percent(value) if panel.percent else f"{value:,.10g}", anchor="middle")
    yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
    yield _text((LEFT + right) / 2, HEIGHT - 12, panel.across, anchor="middle")
    yield f'<text transform="translate(16 {(TOP + bottom) / 2:.1f}) rotate(-90)" text-anchor="middle">' \
          f"{escape(panel.up)}</text>"
    for number, line in enumerate(panel.lines):
        yield from _line(line, x, y, sum(_same(line, later) for later in panel.lines[number + 1:]))


def _line(line: Line, x: Callable[[float], float], y: Callable[[float], float], covered: int) -> Iterator[str]:
    """A line, wide enough to be seen on both sides of those that will lie on it."""
    for dot in line.dots:
        if dot.low is not None and dot.high is not None:
            yield f'<path stroke="{line.colour}" stroke-opacity=".55" d="M{x(dot.x) - 4:.1f} {y(dot.high):.1f}h8m-4 0' \
                  f'V{y(dot.low):.1f}m-4 0h8"/>'
    yield _polyline([(x(dot.x), y(dot.y)) for dot in line.dots], line, 2 + 4 * covered)
    for dot in line.dots:
        yield f'<circle cx="{x(dot.x):.1f}" cy="{y(dot.y):.1f}" r="{3.5 + 2 * covered:g}" fill="{line.colour}"/>'


def _same(one: Line, other: Line) -> bool:
    return [(dot.x, dot.y) for dot in one.dots] == [(dot.x, dot.y) for dot in other.dots]


def _polyline(points: Sequence[tuple[float, float]], line: Line, width: int = 2) -> str:
    dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
    return f'<polyline fill="none" stroke="{line.colour}" stroke-width="{width}"{dashes} points="' \
           f'{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "label") -> str:
    shown = escape(text.translate(_NO_XML))
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>'


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - values[0]) / (values[-1] - values[0]) * (end - start)


def _percent(value: float) -> str:
    return f"{100 * value:.10g} %"
