"""An offline search engine over the user's own files: the engine `corpus`, the tool `corpus_search`, `agentfix corpus`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    import click

    from agentfix import Build, Register, SearchEngine, Tool


def _engine(build: Build) -> SearchEngine:
    from .searching import CorpusEngine  # noqa: PLC0415 - nothing is imported before the name is used

    return CorpusEngine(build.settings)


def _tool(build: Build) -> Tool:
    from .searching import CorpusEngine, search_tool  # noqa: PLC0415

    return search_tool(CorpusEngine(build.settings))


def _command(build: Build) -> click.Command:
    from .commands import corpus  # noqa: PLC0415

    return corpus


@hookimpl
def agentfix_register_search_engines(register: Register) -> None:
    register("corpus", _engine, "the user's own files, offline")


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    register("corpus_search", _tool, "searches the user's own files, offline")


@hookimpl
def agentfix_register_commands(register: Register) -> None:
    register("corpus", _command, "Search your own files: add, list, rm, search.")
