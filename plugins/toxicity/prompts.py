"""Renders the prompt templates in prompts/. What is inserted is data: it is never read as a template."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from agentfix import defused, head_and_tail

SHOWN_CHARS = 4000
"""Of a text that is judged."""

_environment = Environment(
    loader=PackageLoader("agentfix_plugins.toxicity", "prompts"),
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False, autoescape=False,
)


def render(template: str, **values: Any) -> str:
    """Fill in a template.

    Args:
        template: file name without `.jinja`.
        values: all that the template names.
    """
    return _environment.get_template(f"{template}.jinja").render(**values).strip()


def shown(text: str) -> str:
    """A text to be judged, as it enters a prompt: its middle is left out where it is long, and it opens no turn."""
    return defused(head_and_tail(text, SHOWN_CHARS))
