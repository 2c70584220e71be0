"""The attempts of a run as a picture: one SVG that needs nothing else, and is readable on light and dark ground.

Each attempt has a row; a circle in the colour of the class of evidence that decided about it, full where it is
supported, struck out where it is refuted, as large as what comes of its line is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agentfix.cli import words
from agentfix.cli.tree import Row, rows_of
from agentfix.cli.visible import one_line
from agentfix.types import EvidenceClass, Tree

ROW, INDENT, LEFT, TOP = 30, 30, 26, 64
"""Pixels."""
SMALLEST, GROWTH = 5.0, 7.0
"""Radius of a circle that is worth nothing, and how much larger one is that is worth 1."""
CHARACTER = 7.4
"""About as wide as a character of a label is."""
TITLE_CHARACTERS = 110
COLOURS = {
    EvidenceClass.CONTRACT: "#2a9d5c",
    EvidenceClass.PERSON: "#b866c9",
    EvidenceClass.MEASUREMENT: "#3f86cf",
    EvidenceClass.RETRIEVAL: "#18a0a8",
    EvidenceClass.AGREEMENT: "#d58f18",
    EvidenceClass.OPINION: "#a0806a",
    None: "#8c8c8c",
}
"""By the class that decided; of middling lightness, so that they are seen on white and on black."""
_STYLE = """\
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1c1e22; }
.title { font-weight: 600; }
.ground { fill: #ffffff; }
.edge { fill: none; stroke: #9a9a9a; stroke-width: 1.5; }
.node { stroke-width: 2.5; }
.cross { fill: none; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e8ea; }
  .ground { fill: #17191d; }
  .edge { stroke: #707070; }
}"""
_NO_XML = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})
_OPACITY = {"supported": 1.0, "contested": 0.45, "unsupported": 0.12, "refuted": 0.0}


def svg_of(tree: Tree) -> str:
    """The tree as an SVG document."""
    rows = rows_of(tree)
    title = one_line(tree.task.question)
    title = title if len(title) <= TITLE_CHARACTERS else f"{title[:TITLE_CHARACTERS]}..."
    longest = max([_x(row) + 24 + CHARACTER * len(row.label) for row in rows] + [LEFT + CHARACTER * len(title), 420])
    height = TOP + ROW * len(rows) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{longest + 20:.0f}" height="{height}" '
        f'viewBox="0 0 {longest + 20:.0f} {height}" role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text class="title" x="{LEFT - 8}" y="24">{_text(title)}</text>',
        *_legend(rows),
        *(_edge(rows, number) for number, row in enumerate(rows) if row.parent is not None),
        *(_node(row, number) for number, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(rows: Sequence[Row]) -> list[str]:
    """The classes that there are, and how a refuted attempt is told."""
    kinds = sorted({row.standing.kind for row in rows}, key=lambda kind: -(kind or 0))
    parts: list[str] = []
    x = float(LEFT)
    for kind in kinds:
        word = kind.label if kind else "no evidence"
        parts.append(f'<circle cx="{x:.0f}" cy="43" r="6" fill="{COLOURS[kind]}"/>'
                     f'<text x="{x + 11:.0f}" y="47">{word}</text>')
        x += 32 + CHARACTER * len(word)
    struck = f'<circle class="node" cx="{x:.0f}" cy="43" r="5.5" fill="none" stroke="{COLOURS[None]}"/>' \
             f'<path class="cross" d="M{x - 3:.0f} 40 l6 6 m0 -6 l-6 6" stroke="{COLOURS[None]}"/>'
    return [*parts, f'{struck}<text x="{x + 11:.0f}" y="47">refuted</text>']


def _edge(rows: Sequence[Row], number: int) -> str:
    row = rows[number]
    assert row.parent is not None
    above = rows[row.parent]
    start = _y(row.parent) + _radius(above)
    return f'<path class="edge" d="M{_x(above)} {start:.1f} V{_y(number)} H{_x(row) - _radius(row):.1f}"/>'


def _node(row: Row, number: int) -> str:
    x, y, colour = _x(row), _y(number), COLOURS[row.standing.kind]
    bold = ' class="title"' if row.best else ""
    told = _text(f"{words.judged(row.standing)}: {row.standing.reason}")
    return (
        f'<g><title>{told}</title>'
        f'<circle class="node" cx="{x}" cy="{y}" r="{_radius(row):.1f}" fill="{colour}" '
        f'fill-opacity="{_OPACITY[row.standing.state]}" stroke="{colour}"/>{_cross(row, x, y)}'
        f'<text x="{x + 20}" y="{y + 4}"{bold}>{_text(row.label)}</text></g>'
    )


def _cross(row: Row, x: int, y: int) -> str:
    """What strikes a refuted attempt out."""
    if row.standing.state != "refuted":
        return ""
    return f'<path class="cross" d="M{x - 3} {y - 3} l6 6 m0 -6 l-6 6" stroke="{COLOURS[row.standing.kind]}"/>'


def _radius(row: Row) -> float:
    return SMALLEST + GROWTH * row.line.value


def _x(row: Row) -> int:
    return LEFT + INDENT * row.depth


def _y(number: int) -> int:
    return TOP + ROW * number + ROW // 2


def _text(text: str) -> str:
    """Text of models and users as it may stand in XML: in one line, escaped, without what XML can't hold."""
    return escape(one_line(text).translate(_NO_XML))
