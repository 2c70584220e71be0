"""The strategies that correction with evidence must beat: none, self-refine, self-consistency and best-of-n."""

from __future__ import annotations

from typing import Any

from agentfix import Build, UsageError, hookimpl


def _none(build: Build) -> Any:
    from .none import NoCorrection  # noqa: PLC0415

    _require_no_argument("none", build)
    return NoCorrection()


def _self_refine(build: Build) -> Any:
    from .self_refine import SelfRefine  # noqa: PLC0415

    _require_no_argument("self-refine", build)
    return SelfRefine()


def _self_consistency(build: Build) -> Any:
    from .sampling import SelfConsistency, samples  # noqa: PLC0415

    return SelfConsistency(samples("self-consistency", build.argument))


def _best_of_n(build: Build) -> Any:
    from .sampling import BestOfN, samples  # noqa: PLC0415

    return BestOfN(samples("best-of-n", build.argument))


def _require_no_argument(strategy: str, build: Build) -> None:
    if build.argument:
        raise UsageError(f"{strategy!r} takes no argument, not even {build.argument[:40]!r}.", f"Write {strategy}.")


def _self_critique(_: Build) -> Any:
    from .self_critique import SelfCritique  # noqa: PLC0415

    return SelfCritique()


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategies."""
    register("none", _none, "One attempt, as it is.")
    register("self-refine", _self_refine, "Critique and revision by the model alone (Madaan et al., 2023).")
    register("self-consistency", _self_consistency,
             "n samples (`self-consistency:8`), the answer most of them give (Wang et al., 2023).")
    register("best-of-n", _best_of_n, "n samples (`best-of-n:8`), the one with the strongest evidence.")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critic without tools."""
    register("self-critique", _self_critique, "A model's opinion of an answer; never more than `opinion`.")
