"""Strategies that try again after what went wrong: from the question, from more samples, from the first wrong step, or
only where a score is low. And the critic that finds the first wrong step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Critic, Register, Strategy


def _reflexion(build: Build) -> Strategy:
    from .argument import number_in  # noqa: PLC0415 - nothing is imported before the name is used
    from .reflexion import MOST_RETRIES, RETRIES, Reflexion  # noqa: PLC0415 - as above

    return Reflexion(number_in(build.argument, "reflexion", RETRIES, MOST_RETRIES))


def _iterative_deepening(build: Build) -> Strategy:
    from .argument import number_in  # noqa: PLC0415 - as above
    from .iterative_deepening import LEVELS, MOST_LEVELS, IterativeDeepening  # noqa: PLC0415 - as above

    return IterativeDeepening(number_in(build.argument, "iterative-deepening", LEVELS, MOST_LEVELS))


def _rewind(build: Build) -> Strategy:
    from .argument import number_in  # noqa: PLC0415 - as above
    from .rewind import MOST_REWINDS, REWINDS, Rewind  # noqa: PLC0415 - as above

    return Rewind(number_in(build.argument, "rewind", REWINDS, MOST_REWINDS))


def _selective(build: Build) -> Strategy:
    from .argument import number_in  # noqa: PLC0415 - as above
    from .selective import MOST_SAMPLES, SAMPLES, Selective  # noqa: PLC0415 - as above

    return Selective(number_in(build.argument, "selective", SAMPLES, MOST_SAMPLES))


def _first_error(build: Build) -> Critic:
    from .first_error import FirstErrorCritic  # noqa: PLC0415 - as above

    build.require_no_argument(FirstErrorCritic.name)
    return FirstErrorCritic()


@hookimpl
def agentfix_register_strategies(register: Register) -> None:
    """Register the strategies."""
    register("reflexion", _reflexion,
             "Up to n whole retries (`reflexion:3`) with lessons that outlast the run (Reflexion: Shinn et al., 2023).")
    register("iterative-deepening", _iterative_deepening,
             "n levels (`iterative-deepening:4`) of 1, 2, 4, ... samples, each with a triggered self-correction "
             "(Iterative Deepening Sampling: Chen et al., 2025).")
    register("rewind", _rewind,
             "Go back before the first wrong step, up to n times (`rewind:3`) (Agent-R: Yuan et al., 2025).")
    register("selective", _selective,
             "n samples (`selective:4`), scored; only what scores low is critiqued and revised "
             "(ACR in RefineCoder: Zhou et al., 2025).")


@hookimpl
def agentfix_register_critics(register: Register) -> None:
    """Register the critic."""
    register("first-error", _first_error, "A model's opinion of which step is the first wrong one.")
