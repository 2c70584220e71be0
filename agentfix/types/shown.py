"""A result as a notebook shows it. All that was said is data: it is escaped, and not typeset."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentfix.types.runs import Result

_LONGEST = 2_000
"""Characters of an answer or summary that are shown."""
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
"""Each as the symbol that stands for it."""


def as_html(result: Result) -> str:
    """The answer, what supports it, and the evidence for and against each attempt."""
    stands = "nothing supports it" if result.supported_by is None else f"supported by {result.supported_by.label}"
    if result.declined:
        stands = f"declined; {stands}"
    elif result.abstained and result.supported_by is not None:
        stands = f"{stands} only, which is less than was required"
    rows = "".join(
        f"<tr><td>{critique.attempt}</td><td>{escape(each.kind.label)}</td><td>{escape(each.polarity)}</td>"
        f"<td style='text-align: left'>{_text(each.summary)}</td><td>{_text(each.author)}</td></tr>"
        for critique in result.critiques for each in critique.evidence)
    table = ("<table><tr><th>attempt</th><th>class</th><th></th><th style='text-align: left'>evidence</th><th>from</th>"
             f"</tr>{rows}</table>")
    # Without these classes a notebook would make formulas, and links, of what stands between dollar signs.
    answer = "no answer" if result.answer is None else _text(result.answer)
    return (f"<div class='tex2jax_ignore mathjax_ignore'><pre>{answer}</pre>"
            f"<p><b>{stands}</b>: {_text(result.reason)}</p>{table if rows else ''}</div>")


def _text(said: str) -> str:
    """Safe to show, with nothing in it that could reorder what stands around it."""
    shown = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."
    return f"<bdi>{escape(shown.translate(_CONTROLS).encode('utf-8', 'backslashreplace').decode('utf-8'))}</bdi>"
