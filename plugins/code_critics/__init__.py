"""Critics that look closer than at a whole answer: `self-tests` and `code-review` for programs, `spans` for texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix import hookimpl

if TYPE_CHECKING:
    from agentfix import Build, Critic, Register


def _self_tests(build: Build) -> Critic:
    from .self_tests import SelfTests  # noqa: PLC0415 - nothing is imported before the name is used

    build.require_no_argument(SelfTests.name)
    return SelfTests()


def _code_review(build: Build) -> Critic:
    from .code_review import CodeReview, recall  # noqa: PLC0415

    return CodeReview(recall(build.argument))


def _spans(build: Build) -> Critic:
    from .spans import SpansCritic, aspects  # noqa: PLC0415

    return SpansCritic(aspects(build.argument))


@hookimpl
def agentfix_register_critics(register: Register) -> None:
    """Register the critics."""
    register("self-tests", _self_tests,
             "All programs against tests that a model writes; tests and programs vouch for each other (CodeT).")
    register("code-review", _code_review,
             "A model's review of code, each point with a quote that the code holds (`code-review:0.8` finds more).")
    register("spans", _spans,
             "Verdicts on single sentences of a text, by aspect (`spans:fact,relevance,completeness`).")
