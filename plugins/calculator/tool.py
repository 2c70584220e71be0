"""The tool itself: light, for the algebra is done in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix import Observation, ToolContext, ToolError, ToolSpec

from .process import WorkerProcess

SPEC = ToolSpec(
    name="calculator",
    description=(
        "Computes an expression exactly: + - * / // % **, parentheses, percentages (15% of 80), thousands separators "
        "(1,200 * 3; not inside a function call), comparisons, sqrt log exp sin cos tan factorial binomial gcd lcm "
        "floor ceil round min max abs, variables with solve(2*x + 3 = 7, x) simplify expand factor diff integrate, and "
        "units (3 km + 200 m; 60 mile/hour to km/hour)."
    ),
    parameters={
        "type": "object",
        "properties": {
            "expression": {"type": "string", "description": "What to compute, such as (3/4 + 0.1) * 20."},
            "to": {"type": "string", "description": "A unit to convert the result to, such as km/hour."},
        },
        "required": ["expression"],
        "additionalProperties": False,
    },
    deterministic=True,
)


@dataclass(eq=False)
class Calculator:
    """Exact arithmetic and algebra with sympy, units with pint."""

    spec: ToolSpec = SPEC
    _worker: WorkerProcess = field(default_factory=WorkerProcess, init=False)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Compute `expression`; the observation's data holds `exact` and `decimal`.

        Raises:
            ToolError: not an expression, not defined, or past a bound (status `refused`).
        """
        if missing := [name for name in ("sympy", "pint") if importlib.util.find_spec(name) is None]:
            raise ToolError(f"The calculator needs {' and '.join(missing)}: pip install 'agentfix[math]'",
                            status="unavailable")
        request = {"expression": str(arguments["expression"]), "to": str(arguments.get("to") or "")}
        reply = await asyncio.to_thread(self._worker.ask, request, context.timeout_s)
        if reply["status"] != "ok":
            raise ToolError(reply["text"], status=reply["status"])
        return Observation(self.spec.name, "ok", reply["text"], {"exact": reply["exact"], "decimal": reply["decimal"]})
