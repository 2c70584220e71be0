"""What an operator reads in the log of an application: which runs began and ended, and with what.

Nothing that a person, a model or a tool said is in it, and no argument of a strategy or a call: names and numbers only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agentfix.types import EventKind, Result, Usage

_LOG = logging.getLogger(__name__)


def log_event(run: str, kind: EventKind, data: Mapping[str, Any]) -> None:
    """Log what happened in a run: its beginning and its end at INFO, what is between them at DEBUG.

    Args:
        run: its name.
        kind: of the event.
        data: of the event.
    """
    match kind:
        case "run_started":
            _LOG.info("run %s begins: strategy %s, model %s", run, _name(data["strategy"]), data["model"].split("@")[0])
        case "result":
            _log_result(run, data["result"])
        case _ if _LOG.isEnabledFor(logging.DEBUG):
            if (line := _line(kind, data)) is not None:
                _LOG.debug("run %s: %s", run, line)
        case _:
            pass


def _log_result(run: str, result: Result) -> None:
    stands = "abstained" if result.abstained or result.supported_by is None else f"by {result.supported_by.label}"
    cut = result.stop_reason.startswith("failed: ")  # what follows may quote what was said
    _LOG.log(logging.WARNING if cut else logging.INFO, "run %s %s: %s, attempts %d, rounds %d, tokens %d, %.1f s",
             run, "was cut short" if cut else "ends", stands, len(result.attempts), len(result.rounds),
             result.usage.tokens, result.seconds)


def _line(kind: EventKind, data: Mapping[str, Any]) -> str | None:
    match kind:
        case "model_call":
            usage: Usage = data["usage"]
            return f"model call by {data['caller']}, tokens {usage.tokens}"
        case "attempt":
            return f"attempt {data['attempt'].id}"
        case "observation":
            return f"tool {data['observation'].tool}: {data['observation'].status}"
        case "critique":
            critique = data["critique"]
            return f"attempt {critique.attempt}: {critique.verdict} by {_name(critique.critic)}"
        case _:
            return None


def _name(spec: str) -> str:
    """What stands before an argument."""
    return spec.partition(":")[0]
