"""An evaluation as data: its table, its curves, and the runs that it is made of."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from agentfix.cli.eval_table import comparison_rows, table_rows
from agentfix.evals import Record, comparisons, figure, lineup, stored, summarise
from agentfix.evals.lineup import Contender
from agentfix.view.plain import line, plain

DRAWN = ("self-consistency@", "best-of-n@")
"""How a table names baselines that drew as many answers as another strategy's tokens paid for."""


def evaluation_data(path: Path, known: Collection[str] = ()) -> dict[str, Any]:
    """What an evaluation found.

    Args:
        path: the file that `agentfix eval --output` made.
        known: the runs that the journal still has; those of the evaluation can be looked at.

    Raises:
        InputError: it can't be read, or is no such file.
    """
    header, records = stored(path, Record)
    contenders = _contenders(records, equal_tokens=bool(header.get("equal_tokens")))
    seed = header.get("seed")
    summaries = summarise(records, [contender.name for contender in contenders],
                          seed=seed if isinstance(seed, int) else 0)
    pairs = comparisons(records, contenders) if len(contenders) > 1 else []
    return plain({
        "file": path.name, "header": {name: value for name, value in header.items() if value not in (None, False, "")},
        "table": table_rows(summaries) if summaries else [], "comparisons": comparison_rows(pairs) if pairs else [],
        "figure": figure(summaries, contenders) if summaries else "",
        "items": [{
            "item": record.item, "repeat": record.repeat, "strategy": record.strategy,
            "answer": line(record.answer or "", 60), "first": record.first_correct, "right": record.correct,
            "by": record.supported_by, "confidence": record.confidence, "attempts": record.attempts,
            "tokens": record.completion_tokens, "seconds": record.seconds, "error": line(record.error or record.note),
            "run": record.run_id if record.run_id in known else None,
        } for record in records],
    })


def _contenders(records: list[Record], *, equal_tokens: bool) -> tuple[Contender, ...]:
    """The columns of the table that was printed when the evaluation ended."""
    names = list(dict.fromkeys(record.strategy for record in records))
    own = [name for name in names if not name.startswith(DRAWN)]
    paid = {name: name.partition("@")[2] for name in names if name.startswith(DRAWN)}
    listed = lineup(own, equal_tokens=equal_tokens, baselines=False) if own else ()
    return (*listed, *(Contender(name, name.partition("@")[0], spender) for name, spender in paid.items()
                       if spender in own))
