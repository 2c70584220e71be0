"""The tool `toxicity`: how rude, threatening or hateful a text is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _toxicity(build: Build) -> Tool:
    from .tool import Toxicity, scorer  # noqa: PLC0415 - nothing is imported before the name is used

    return Toxicity(scorer(build.settings.toxicity_scorer))


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("toxicity", _toxicity, "tells how toxic a text is, from 0 to 1")
