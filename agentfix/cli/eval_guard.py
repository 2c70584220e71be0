"""The contamination guard of the commands that evaluate: see `agentfix.evals.contamination`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.evals import Guarded
    from agentfix.plugins import Plugins

F = TypeVar("F", bound=Callable[..., Any])
G = TypeVar("G", bound="Guarded")


def contaminated_option(command: F) -> F:
    """Adds the option --skip-contaminated."""
    return click.option("--skip-contaminated", is_flag=True, help="Leave out the items that a prompt, an example or a "
                        "tool's description holds, and say which. Without it they stop the evaluation.")(command)


def guarded(items: Sequence[G], plugins: Plugins, *, skip_contaminated: bool) -> list[G]:
    """The items that models are not shown anyway; each that is left out is told on standard error.

    What strategies remember is not looked at, because evaluations run without memory.

    Args:
        items: of the evaluation.
        plugins: in use in it.
        skip_contaminated: leave the others out.

    Raises:
        ContaminationError: there are others, and they are not to be left out.
    """
    from agentfix.evals import clean  # noqa: PLC0415 - reads what only evaluations need

    return clean(items, plugins, leave_out=skip_contaminated,
                 tell=lambda said: click.echo(f"agentfix: {one_line(said)}", err=True))
