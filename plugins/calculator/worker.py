"""The process that calculates: requests and replies as lines of JSON. Ends when its input does.

A process of its own, because algebra can run for hours on a short line and a thread can't be stopped.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from agentfix import ToolError

from .answer import calculate
from .claims import check
from .units import Units

MAX_MEMORY_BYTES = 2 * 2**30


def main() -> None:
    """Serve until standard input is closed."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    units = Units()
    _write({"status": "ready"})
    for line in sys.stdin:
        _write(_reply(json.loads(line), units))


def _reply(request: dict[str, str], units: Units) -> dict[str, Any]:
    try:
        if "claim" in request:
            return {"status": "ok", "checked": [asdict(one) for one in check(request["claim"], units)]}
        return {"status": "ok", **asdict(calculate(request["expression"], request["to"], units))}
    except ToolError as error:
        return {"status": error.status, "text": str(error)}
    except (MemoryError, RecursionError, OverflowError):
        return {"status": "refused", "text": "Refused: the calculation grew too large."}
    except Exception as error:  # noqa: BLE001 - sympy may raise anything on odd input; the process must live on
        return {"status": "error", "text": f"Can't be computed: {type(error).__name__}: {str(error)[:200]}"}


def _write(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
