"""Strategies around strategies: `abstain`, `hints`, `thought-template`, `worth` and `adapt` change when another one
answers, what guides it and how long it goes on; `auto` chooses one by the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentfix import Build, hookimpl

if TYPE_CHECKING:
    import click


def _abstain(build: Build) -> Any:
    from .abstain import Abstain, read_threshold  # noqa: PLC0415 - nothing is imported before the name is used
    from .wrapping import around, split  # noqa: PLC0415

    option, inner = split(build.argument)
    return around(Abstain(read_threshold(option)), inner, build)


def _hints(build: Build) -> Any:
    from .hints import Hints  # noqa: PLC0415
    from .wrapping import around  # noqa: PLC0415

    return around(Hints(), build.argument, build)


def _thought_template(build: Build) -> Any:
    from .thought_template import ThoughtTemplate  # noqa: PLC0415
    from .wrapping import around  # noqa: PLC0415

    return around(ThoughtTemplate(), build.argument, build)


def _worth(build: Build) -> Any:
    from .worth import Worth, read_value  # noqa: PLC0415
    from .wrapping import around, split  # noqa: PLC0415

    option, inner = split(build.argument)
    return around(Worth(read_value("worth", option)), inner, build)


def _adapt(build: Build) -> Any:
    from .adapt import Adapt  # noqa: PLC0415
    from .wrapping import around  # noqa: PLC0415

    return around(Adapt(), build.argument, build)


def _auto(build: Build) -> Any:
    from .auto import make_auto  # noqa: PLC0415

    return make_auto(build)


def _fit_abstention(_: Build) -> click.Command:
    from .commands import fit_abstention  # noqa: PLC0415

    return fit_abstention


def _auto_command(_: Build) -> click.Command:
    from .commands import auto  # noqa: PLC0415

    return auto


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategies."""
    register("abstain", _abstain, "Another strategy, whose answer is given only where confidence is high enough "
                                  "(`abstain:0.8:critic`; Angelopoulos et al., 2024).")
    register("hints", _hints, "Another strategy, guided by hints that the critic's model writes first "
                              "(`hints:critic`; Li et al., 2023).")
    register("thought-template", _thought_template, "Another strategy, whose first attempt follows a template of "
                                                    "thoughts (`thought-template:critic`; Yang et al., 2025).")
    register("worth", _worth, "Another strategy, for as long as a further round is worth what it costs "
                              "(`worth:50000:critic`).")
    register("adapt", _adapt, "Another strategy, sampled warmer where its answers are too alike and cooler where they "
                              "scatter (`adapt:self-consistency`; Zeng et al., 2025).")
    register("auto", _auto, "The strategy that paid best for this kind of task so far.")


@hookimpl
def agentfix_register_commands(register: Any) -> None:
    """Register the commands."""
    register("fit-abstention", _fit_abstention, "Find the threshold for `abstain` that keeps a promise.")
    register("auto", _auto_command, "Teach the strategy `auto` from evaluations.")
