"""A result as a notebook shows it. All that was said is data: it is escaped, and not typeset."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentfix.types.runs import Result

_LONGEST = 2_000
"""Characters of an answer or summary that are shown."""


def as_html(result: Result) -> str:
    """The answer, what supports it, and the evidence for and against each attempt."""
    supported = result.supported_by is not None and not result.abstained
    stands = f"supported by {result.supported_by.label}" if supported and result.supported_by else "nothing supports it"
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
    return f"<bdi>{escape(shown.encode('utf-8', 'backslashreplace').decode('utf-8'))}</bdi>"
