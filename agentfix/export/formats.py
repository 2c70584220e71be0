"""The formats, and what is made of runs in each of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agentfix.errors import UnknownNameError
from agentfix.export.corrected import critiques, preferences
from agentfix.export.located import fault_of, spliced
from agentfix.export.proofs import Proved, proved, told
from agentfix.export.runs import Run, Selection

Row: TypeAlias = dict[str, Any]
Found: TypeAlias = Iterator[tuple[Row, Sequence[Proved]]]
Write: TypeAlias = Callable[[Sequence[Proved], Selection, Counter[str]], Found]


@dataclass(frozen=True, slots=True)
class Export:
    """Rows of training data, and what was left out."""

    rows: Sequence[Mapping[str, Any]]
    """Plain JSON, in the order of runs and attempts."""
    runs: int
    """How many were looked at."""
    attempts: int
    """How many were made in them."""
    left_out: Mapping[str, int]
    """Why something is in no row, and how often, the most frequent first."""


def exported(format_name: str, runs: Sequence[Run], selection: Selection) -> Export:
    """Make training data of runs.

    The same runs always give the same rows. No two rows are alike but for what proves them; the first stands.

    Args:
        format_name: one of `FORMATS`.
        runs: those that are wanted, in order.
        selection: what counts as proof, and what is known of the questions.

    Raises:
        UnknownNameError: there is no such format.
    """
    if format_name not in FORMATS:
        raise UnknownNameError("format", format_name, FORMATS)
    left_out: Counter[str] = Counter()
    known = proved(runs, selection.require, left_out)
    rows: dict[str, Row] = {}
    for row, proofs in FORMATS[format_name](known, selection, left_out):
        name = json.dumps({column: value for column, value in row.items() if column != "located"})
        if name in rows:
            left_out["it is the same as another row"] += 1
        else:
            rows[name] = {**row, **_whence(proofs, selection)}
    return Export(list(rows.values()), len(runs), sum(len(run.attempts) for run in runs), dict(left_out.most_common()))


def _whence(proofs: Sequence[Proved], selection: Selection) -> Row:
    run = proofs[0].run
    return {"proof": [each.plain for each in proofs], "kind": run.kind, "strategy": run.strategy,
            "source": run.source or selection.source, "licence": selection.licence, "split": selection.split}


def answer(text: str) -> list[dict[str, str]]:
    """What the model says, as TRL has it."""
    return [{"role": "assistant", "content": text}]


def _sft(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """What was asked, and the answer that is proved right; of an attempt that acted, each step that went well."""
    for each in known:
        if not each.right:
            left_out["it is proved wrong"] += 1
            continue
        for turn in each.turns:
            yield {"prompt": turn.prompt, "completion": answer(turn.text)}, [each]


def _kto(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """What was asked, an answer, and whether it is right (Ethayarajh et al., "KTO", ICML 2024)."""
    for each in known:
        if each.attempt.steps:
            left_out["it acted: no one text of it is right or wrong"] += 1
            continue
        turn = each.turns[0]
        yield {"prompt": turn.prompt, "completion": answer(turn.text), "label": each.right}, [each]


def _dpo(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """A question with an answer that is proved right and one that is proved wrong (Rafailov et al., NeurIPS 2023)."""
    for wrong, right in preferences(known, left_out):
        yield {"prompt": wrong.question, "chosen": answer(right.attempt.text),
               "rejected": answer(wrong.attempt.text)}, [right, wrong]


def _critique(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """A question, an answer that is proved wrong, and the critique that led to one that is proved right: a critique is
    as good as the correction that it leads to (Tang et al., "SCRIT", 2025, section 3)."""
    for critique, wrong, right in critiques(known, left_out):
        asked = {"role": "user", "content": CRITICISE}
        assert wrong.question is not None
        yield {"prompt": [*wrong.question, *answer(wrong.attempt.text), asked],
               "completion": answer(critique.feedback)}, [wrong, right]


def _prm(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """The steps of a wrong answer up to the first wrong one, and whether each is right: process supervision (Lightman
    et al., "Let's verify step by step", 2023, section 2.6). The prompt is text, as TRL has it here."""
    for each in known:
        if each.right:
            left_out["it is proved right, which says nothing of its steps"] += 1
        elif each.attempt.steps:
            left_out["it acted: its steps are calls"] += 1
        elif (fault := fault_of(each, selection.require)) is None:
            left_out["nothing located its first wrong step"] += 1
        else:
            prompt = "\n\n".join(message["content"] for message in each.turns[0].prompt)
            labels = [*(True for _ in fault.steps[1:]), False]
            yield {"prompt": prompt, "completions": list(fault.steps), "labels": labels,
                   "located": told(fault.evidence)}, [each]


def _rewind(known: Sequence[Proved], selection: Selection, left_out: Counter[str]) -> Found:
    """A question, and an answer that begins wrong, says so at the first wrong step, and goes on right (Yuan et al.,
    "Agent-R", 2025, section 3.2)."""
    for wrong, right in preferences(known, left_out):
        fault = fault_of(wrong, selection.require)
        if fault is None:
            left_out["nothing located its first wrong step"] += 1
            continue
        reflection = f"That step is wrong: {fault.evidence.summary}. I go back to where it was right."
        completion = answer(spliced(fault, reflection, right.attempt.text))
        yield {"prompt": wrong.question, "completion": completion, "located": told(fault.evidence)}, [wrong, right]


CRITICISE = "Say what is wrong with this answer, if anything is."
FORMATS: Mapping[str, Write] = {
    "sft": _sft, "dpo": _dpo, "kto": _kto, "prm": _prm, "critique": _critique, "rewind": _rewind,
}
"""How each format is written, by name."""
