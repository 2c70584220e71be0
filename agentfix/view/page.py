"""The page: its files, and the one file that holds all of it with its data."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from agentfix.cli.tree_svg import COLOURS
from agentfix.view.plain import dumped
from agentfix.view.run import attempt_data, step_data, summary_data
from agentfix.view.source import Source, compared

_PARTS = ("dom.js", "list.js", "find.js", "source.js", "runs.js", "time.js", "attempts.js", "details.js", "steps.js",
          "why.js", "heading.js", "run.js", "compared.js", "evaluation.js", "app.js")
"""In the order in which they build on each other."""
SCRIPT, STYLE = "page.js", "style.css"
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_HEAD = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{policy}<meta name="viewport" ' \
        'content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n' \
        '<meta name="referrer" content="no-referrer">\n<title>agentfix</title>\n{style}\n</head>\n<body>\n' \
        '<noscript>This page is drawn by its own script: allow it.</noscript>\n'


@cache
def contents(name: str) -> str:
    """A file of the page: `index.html`, its script, its style. Raises KeyError when there is none."""
    match name:
        case "index.html":
            style = f'<link rel="stylesheet" href="{STYLE}">'
            return f'{_HEAD.format(policy="", style=style)}<script src="{SCRIPT}"></script>\n</body>\n</html>\n'
        case "page.js":
            return "".join(_read(part) for part in _PARTS)
        case "style.css":
            return _read(STYLE) + _colours()
        case _:
            raise KeyError(name)


def _read(name: str) -> str:
    return (files("agentfix.view") / "static" / name).read_text(encoding="utf-8")


def start(runs: Sequence[str], *, evaluation: bool) -> str:
    """What stands behind the page's address: which part is shown first.

    Args:
        runs: none for the list of all, one to be shown, or two to be compared.
        evaluation: rather show the evaluation.
    """
    if evaluation:
        return "#/evaluation"
    named = [quote(run, safe="") for run in runs]
    return "#/" + "/".join([("run", "compared")[len(runs) - 1], *named]) if runs else ""


async def alone(source: Source, runs: Sequence[str], *, evaluation: bool = False) -> str:
    """The page as one file, with everything that can be looked at in it.

    Its policy allows the scripts that are in it, by their hashes, and nothing else: no request leaves it.

    Args:
        source: where the data comes from.
        runs: those that are in it, one or two; of two, first how they compare.
        evaluation: it is about the source's evaluation.

    Raises:
        JournalError: there is no such run.
    """
    held: dict[str, Any] = {"start": "#/", "runs": [], "run": {}, "attempt": {}, "step": {}}
    traces = [await source.trace(name) for name in dict.fromkeys(runs)]
    for name, trace in zip(dict.fromkeys(runs), traces, strict=True):
        held["runs"].append(summary_data(trace.story.summary))
        held["run"][name] = await source.answer("run", {"run": name})
        held["attempt"][name] = [attempt_data(trace, attempt.id) for attempt in trace.tree.attempts]
        held["step"][name] = [step_data(trace, step.number) for step in trace.steps]
    if evaluation:
        held["evaluation"] = await source.answer("evaluation", {})
    if len(runs) == 2:
        held["compared"] = compared(traces[0], traces[-1])
    held["start"] = start(runs, evaluation=evaluation)
    script, style = contents(SCRIPT), contents(STYLE)
    policy = f"default-src 'none'; img-src data:; script-src {_hash(script)}; style-src {_hash(style)}; " \
             "base-uri 'none'; form-action 'none'"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
    head = _HEAD.format(policy=meta, style=f"<style>{style}</style>")
    return f'{head}<script type="application/json" id="held">{dumped(held)}</script>\n<script>{script}</script>\n' \
           "</body>\n</html>\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _colours() -> str:
    """The colours of the classes of evidence: those of the drawn tree."""
    return "".join(f".class-{kind.label if kind else 'none'} {{ --class: {colour}; }}\n"
                   for kind, colour in COLOURS.items())
