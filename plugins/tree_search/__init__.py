"""Tree search: the strategies `mcts` and `beam`, the critic `step-value`, and the tool `reflect`."""

from __future__ import annotations

from typing import Any

from agentfix import Build, UnknownNameError, hookimpl


def _mcts(build: Build) -> Any:
    from .arguments import mode_and_width  # noqa: PLC0415
    from .attempts import AttemptSearch  # noqa: PLC0415
    from .steps import StepSearch  # noqa: PLC0415

    mode, width = mode_and_width(build.argument)
    return AttemptSearch(width, _ranker(build)) if mode == "attempts" else StepSearch(width)


def _ranker(build: Build) -> str:
    """The critic that ranks whole attempts: `p-true` sees the others beside the one that it judges, so that its
    probabilities are the better ones, but it judges answers, which beginnings have not."""
    from .reading import VALUER  # noqa: PLC0415

    try:
        build.part("critic", "p-true")
    except UnknownNameError:
        return VALUER
    return "p-true"


def _beam(build: Build) -> Any:
    from .arguments import beam_width  # noqa: PLC0415
    from .beam import BeamSearch  # noqa: PLC0415

    return BeamSearch(beam_width(build.argument))


def _step_value(build: Build) -> Any:
    from .step_value import StepValue  # noqa: PLC0415

    build.require_no_argument(StepValue.name)
    return StepValue()


def _reflect(_: Build) -> Any:
    from .reflect import reflect  # noqa: PLC0415

    return reflect


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategies."""
    register("mcts", _mcts, "Monte Carlo tree search over attempts, or over steps: `mcts:steps`, `mcts:attempts:8` "
                            "(LATS: Zhou et al., 2024).")
    register("beam", _beam, "Beam search over steps, guided by the model's own judgement: `beam:3` (Xie et al., 2023).")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critic that values steps."""
    register("step-value", _step_value, "How likely the model finds it that the steps so far are right.")


@hookimpl
def agentfix_register_tools(register: Any) -> None:
    """Register the tool."""
    register("reflect", _reflect, "answers a question of yours several times over, and says how well the answers agree")
