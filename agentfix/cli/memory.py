"""`agentfix memory list | forget`: what strategies remember from one run to the next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

import click

from agentfix.cli.visible import one_line
from agentfix.journal import open_memory
from agentfix.protocols import Memory
from agentfix.settings import load_settings

T = TypeVar("T")


@click.group()
def memory() -> None:
    """Show and forget what strategies remember of earlier runs."""


@memory.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(as_json: bool) -> None:
    """Show what strategies remember, by strategy and kind of task."""
    found = _with_memory(lambda held: held.all())
    if as_json:
        held = [{"strategy": strategy, "kind": kind, "memory": what} for strategy, kind, what in found]
        click.echo(json.dumps({"memories": held}, indent=2))
        return
    if not found:
        click.echo("Nothing is remembered.")
    for strategy, kind, what in found:
        click.echo(one_line(f"{strategy}, kind {kind}:"))
        for line in _lines(what, "  "):
            click.echo(line)


@memory.command()
@click.argument("strategy", required=False)
def forget(strategy: str | None) -> None:
    """Forget what STRATEGY remembers, or what all of them do."""
    name = None if strategy is None else strategy.partition(":")[0]
    count = _with_memory(lambda held: held.forget(name))
    whose = "All strategies" if name is None else one_line(name)
    kinds = "1 kind" if count == 1 else f"{count} kinds"
    click.echo(f"{whose}: forgotten for {kinds} of tasks." if count else f"{whose}: nothing was remembered.")


def _with_memory(work: Callable[[Memory], Awaitable[T]]) -> T:
    async def opened() -> T:
        held = open_memory(load_settings(), lasting=True)
        try:
            return await work(held)
        finally:
            await held.aclose()

    return asyncio.run(opened())


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """What is remembered: a line for each plain value, and for each part of a list."""
    for name, part in value.items():
        if isinstance(part, dict):
            yield f"{indent}{one_line(name)}:"
            yield from _lines(cast("dict[str, Any]", part), f"{indent}  ")
        elif isinstance(part, list) and part:
            yield f"{indent}{one_line(name)}:"
            yield from (f"{indent}  {_flat(each)}" for each in cast("list[Any]", part))
        else:
            yield f"{indent}{one_line(name)}: {_flat(part)}"


def _flat(value: Any) -> str:
    """A value on one line: the fields of an object after one another."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return "; ".join(f"{one_line(name)}: {_flat(part)}" for name, part in fields)
    if value == []:
        return "none"
    return one_line(value if isinstance(value, str) else json.dumps(value))
