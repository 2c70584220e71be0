"""Renders the prompt templates in prompts/. What is inserted is data: it is never read as a template."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_environment = Environment(
    loader=PackageLoader("agentfix_plugins.structured", "prompts"),
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False, autoescape=False,
)


def render(template: str, **values: Any) -> str:
    """Fill in a template.

    Args:
        template: file name without `.jinja`.
        values: all that the template names.
    """
    return _environment.get_template(f"{template}.jinja").render(**values).strip()
