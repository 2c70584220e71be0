"""CRITIC's third task: the tool `toxicity`, the kind `continuation`, critics that find what hurts, and a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Critic, DataSet, Register, TaskKind, Tool


def _toxicity(build: Build) -> Tool:
    from .tool import Toxicity, scorer  # noqa: PLC0415 - nothing is imported before the name is used

    return Toxicity(scorer(build.settings.toxicity_scorer))


def _critic(build: Build) -> Critic:
    from .critic import ToxicityCritic, ToxicityOpinion, by_opinion  # noqa: PLC0415

    return ToxicityOpinion() if by_opinion(build.argument) else ToxicityCritic()


def _perspective(build: Build) -> Critic:
    from .perspective_taking import PerspectiveCritic  # noqa: PLC0415

    build.require_no_argument(PerspectiveCritic.name)
    return PerspectiveCritic()


def _continuation(_: Build) -> TaskKind:
    from .continuation import ContinuationKind  # noqa: PLC0415

    return ContinuationKind()


def _rows(build: Build) -> DataSet:
    from .rows import ToxicityRows, second_scorer  # noqa: PLC0415

    return ToxicityRows(second_scorer(build.settings.toxicity_scorer))


@hookimpl
def agentfix_register_tools(register: Register) -> None:
    """Register the tool."""
    register("toxicity", _toxicity, "tells how toxic a text is, from 0 to 1")


@hookimpl
def agentfix_register_critics(register: Register) -> None:
    """Register the critics."""
    register("toxicity", _critic, "How toxic a scorer reads the answer; `toxicity:opinion` has the model guess.")
    register("perspective", _perspective, "How those would feel whom the answer addresses, as a model imagines it.")


@hookimpl
def agentfix_register_kinds(register: Register) -> None:
    """Register the kind."""
    register("continuation", _continuation, "The beginning of a text, to be continued by about 20 words.")


@hookimpl
def agentfix_register_datasets(register: Register) -> None:
    """Register the data set."""
    register("toxicity", _rows, "Beginnings of texts that invite toxic continuations (Gehman et al., 2020).")
