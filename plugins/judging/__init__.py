"""Critics that judge by a model: scores, comparisons, checklists, confidence. What they say is an opinion."""

from __future__ import annotations

from typing import Any

from agentfix import Build, hookimpl


def _judge(build: Build) -> Any:
    from .judge import read_form  # noqa: PLC0415

    return read_form(build.argument)


def _yes_no(build: Build) -> Any:
    from .yes_no import WISH, YesNo  # noqa: PLC0415

    return YesNo(build.argument or WISH)


def _p_true(build: Build) -> Any:
    from .p_true import PTrue  # noqa: PLC0415

    build.require_no_argument(PTrue.name)
    return PTrue()


def _p_ik(build: Build) -> Any:
    from .p_ik import PIK  # noqa: PLC0415

    build.require_no_argument(PIK.name)
    return PIK()


def _if_or_else(build: Build) -> Any:
    from .if_or_else import IfOrElse  # noqa: PLC0415

    build.require_no_argument(IfOrElse.name)
    return IfOrElse()


def _hindsight(build: Build) -> Any:
    from .hindsight import Hindsight  # noqa: PLC0415

    build.require_no_argument(Hindsight.name)
    return Hindsight()


def _contrastive(build: Build) -> Any:
    from .contrastive import Contrastive  # noqa: PLC0415

    build.require_no_argument(Contrastive.name)
    return Contrastive()


def _look_back(build: Build) -> Any:
    from .look_back import LookBack  # noqa: PLC0415

    build.require_no_argument(LookBack.name)
    return LookBack()


def _panel(build: Build) -> Any:
    from .panel import read_panel  # noqa: PLC0415

    return read_panel(build)


def _ensemble(build: Build) -> Any:
    from .ensemble import read_ensemble  # noqa: PLC0415

    return read_ensemble(build)


def _meta_judge(build: Build) -> Any:
    from .arguments import count  # noqa: PLC0415
    from .meta_judge import DEFAULT, MetaJudge  # noqa: PLC0415

    return MetaJudge(count("meta-judge", build.argument, DEFAULT))


def _checklist(build: Build) -> Any:
    from .checklist import Checklist  # noqa: PLC0415

    build.require_no_argument(Checklist.name)
    return Checklist()


def _semantic_agreement(build: Build) -> Any:
    from .semantic_agreement import SemanticAgreement  # noqa: PLC0415

    build.require_no_argument(SemanticAgreement.name)
    return SemanticAgreement()


@hookimpl
def agentfix_register_critics(register: Any) -> None:
    """Register the critics."""
    register("judge", _judge, "Critique, then score (`judge:pairwise:3`: each pair in both orders, 3 times each).")
    register("yes-no", _yes_no, "P(Yes) to a question that states the wish (`yes-no:Is it polite?`); one token.")
    register("p-true", _p_true, "P(True), with the other attempts shown as ideas; two tokens.")
    register("p-ik", _p_ik, "P(the model knows the answer), from the question alone; a score, no evidence.")
    register("if-or-else", _if_or_else, "Keeps what the model is confident of, and has all else revised.")
    register("hindsight", _hindsight, "Tells what comes of acting on the answer, then judges it by that (RLHS).")
    register("contrastive", _contrastive, "Names the first wrong step beside another attempt as a reference.")
    register("look-back", _look_back, "Looks at the picture again for each claim of an answer (VISCO).")
    register("panel", _panel, "Several critics (`panel:judge,yes-no`); only the points that hold are kept.")
    register("ensemble", _ensemble, "The worst of several critics' scores (`ensemble:judge,p-true:uncertainty`).")
    register("meta-judge", _meta_judge, "Judges several judgements, and goes by the best reasoned one.")
    register("checklist", _checklist, "Up to six requirements from the question alone, each answered by P(Yes).")
    register("semantic-agreement", _semantic_agreement, "The share of attempts with the same answer; a score only.")
