"""Strategies in which models argue: `debate` between two, `multi-actor` of several with a critic of three,
`self-rewarding` of one with itself."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _debate(build: Build) -> Any:
    from .arguments import rounds_and_judge  # noqa: PLC0415 - nothing is imported before the name is used
    from .debate import JUDGES, ROUNDS, Debate  # noqa: PLC0415

    return Debate(*rounds_and_judge("debate", build, ROUNDS, JUDGES))


def _multi_actor(build: Build) -> Any:
    from .arguments import rounds_and_judge  # noqa: PLC0415
    from .multi_actor import JUDGES, ROUNDS, MultiActor  # noqa: PLC0415

    return MultiActor(*rounds_and_judge("multi-actor", build, ROUNDS, JUDGES))


def _self_rewarding(build: Build) -> Any:
    from .arguments import rounds  # noqa: PLC0415
    from .self_rewarding import ROUNDS, SelfRewarding  # noqa: PLC0415

    return SelfRewarding(rounds("self-rewarding", build.argument, ROUNDS))


def _own_verdict(_: Build) -> Any:
    from .own_verdict import OwnVerdict  # noqa: PLC0415

    return OwnVerdict()


@hookimpl
def agentfix_register_strategies(register: Any) -> None:
    """Register the strategies."""
    register("debate", _debate, "Two debaters see each other's arguments over rounds (`debate:3`), and a judge decides "
                                "(Du et al., 2024; Khan et al., 2024).")
    register("multi-actor", _multi_actor, "Several actors; three critics explore, exploit and assess the best answer; "
                                          "changes go by their advantage (`multi-actor:2`; LLaMAC, ReAd).")
    register("self-rewarding", _self_rewarding, "Answer, judge, mend, until the actor's own verdict ends it "
                                                "(`self-rewarding:3`; Xiong et al., 2025).")


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critic."""
    register("own-verdict", _own_verdict, "The model judges its answer as the next turn after it; an opinion.")
