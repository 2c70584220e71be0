"""The tool `fetch_page`: reads a page of the web."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Register, Tool


def _fetch_page(build: Build) -> Tool:
    from .tool import fetch_page_tool  # noqa: PLC0415 - nothing is imported before the name is used

    return fetch_page_tool()


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("fetch_page", _fetch_page, "reads a page of the web, HTML or PDF, as text")
