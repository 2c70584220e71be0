"""The contamination guard of the commands that evaluate: see `agentfix.evals.contamination`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.evals.contamination import Guarded
    from agentfix.evals.shown import Shown
    from agentfix.plugins import Plugins

F = TypeVar("F", bound=Callable[..., Any])
G = TypeVar("G", bound="Guarded")


def contaminated_option(command: F) -> F:
    """Adds the option --skip-contaminated."""
    return click.option("--skip-contaminated", is_flag=True, help="Leave out the items that a prompt, an example or a "
                        "tool's description holds, and say which. Without it they stop the evaluation.")(command)


def guarded(items: Sequence[G], plugins: Plugins, strategies: Sequence[str] = (), *,
            skip_contaminated: bool) -> list[G]:
    """The items that models are not shown anyway; each that is left out is told on standard error.

    Args:
        items: of the evaluation.
        plugins: in use in it.
        strategies: run in it: what they remember is looked at too.
        skip_contaminated: leave the others out.

    Raises:
        ContaminationError: there are others, and they are not to be left out.
    """
    from agentfix.evals.contamination import clean  # noqa: PLC0415 - reads what only evaluations need

    return clean(items, plugins, leave_out=skip_contaminated, lessons=asyncio.run(_lessons(plugins, strategies)),
                 tell=lambda said: click.echo(f"agentfix: {one_line(said)}", err=True))


async def _lessons(plugins: Plugins, strategies: Sequence[str]) -> list[Shown]:
    from agentfix.evals.contamination import strings_in  # noqa: PLC0415 - the same
    from agentfix.evals.shown import Shown  # noqa: PLC0415
    from agentfix.journal import SqliteMemory  # noqa: PLC0415 - loads SQLite

    settings = plugins.settings
    if not settings.memory or settings.journal == "memory":
        return []
    memory = SqliteMemory(settings.data_dir / "memory.sqlite")
    try:
        held = await memory.all()
    finally:
        await memory.aclose()
    names = {strategy.partition(":")[0] for strategy in strategies}
    return [Shown(f"what strategy {strategy!r} remembers of {kind} tasks", plugins.find("strategy", strategy).plugin,
                  tuple(enumerate(strings_in(data), 1)))
            for strategy, kind, data in held if strategy in names]
