"""The tool itself: light, for the algebra is done in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix import Claim, Evidence, EvidenceClass, Observation, ToolContext, ToolError, ToolSpec

from .process import WorkerProcess

MAX_TEXT_CHARACTERS = 20_000
"""Of a claim."""
SPEC = ToolSpec(
    name="calculator",
    description=(
        "Computes an expression exactly: + - * / // % **, parentheses, percentages (15% of 80), thousands separators "
        "(1,200 * 3; not inside a function call), comparisons, sqrt log exp sin cos tan factorial binomial gcd lcm "
        "floor ceil round min max abs; units (3 km + 200 m; 60 mile/hour to km/hour); variables with "
        "solve(2*x + 3 = 7, x) solve(x + y = 3, x - y = 1, x, y) solve(x**2 < 4, x) simplify expand factor diff "
        "integrate; days with days_between(2024-01-31, 2024-03-01) months_between add_days(2024-01-31, 30) add_months "
        "weekday; money with compound(principal, rate, periods) payment(principal, rate, periods) npv(rate, flow0, "
        "flow1, ...) irr(flow0, flow1, ...), where a rate is for one period, such as 5%/12."
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
    processes=True,
    verifies=True,
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
        request = {"expression": str(arguments["expression"]), "to": str(arguments.get("to") or "")}
        reply = await self._ask(request, context)
        return Observation(self.spec.name, "ok", reply["text"], {"exact": reply["exact"], "decimal": reply["decimal"]})

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """Check the equations between numbers in a text: one that is wrong refutes it, right ones support a part.

        Raises:
            ToolError: sympy or pint is missing, or the check took too long.
        """
        if claim.call is not None or ("=" not in claim.text and "≈" not in claim.text):
            return None
        checked = (await self._ask({"claim": claim.text[:MAX_TEXT_CHARACTERS]}, context))["checked"]
        if not checked:
            return None
        wrong = [one for one in checked if not one["holds"]]
        if wrong:
            summary = f"{wrong[0]['text']} is wrong: the left side is {wrong[0]['value']}"
        else:
            count = "1 equation holds" if len(checked) == 1 else f"all {len(checked)} equations hold"
            summary = f"{count}: {checked[0]['text']}"
        detail = "\n".join(f"{one['text']}: {'holds' if one['holds'] else 'wrong'}" for one in checked)
        return Evidence(EvidenceClass.MEASUREMENT, "refutes" if wrong else "supports", summary[:400], self.spec.name,
                        "instrument", "part", detail=detail[:2000])

    async def _ask(self, request: Mapping[str, str], context: ToolContext) -> dict[str, Any]:
        """What the worker says. Raises ToolError."""
        if missing := [name for name in ("sympy", "pint") if importlib.util.find_spec(name) is None]:
            raise ToolError(f"The calculator needs {' and '.join(missing)}: pip install 'agentfix[math]'",
                            status="unavailable")
        reply = await asyncio.to_thread(self._worker.ask, request, context.timeout_s)
        if reply["status"] != "ok":
            raise ToolError(reply["text"], status=reply["status"])
        return reply

    async def aclose(self) -> None:
        """End the calculating process. May be called twice."""
        await asyncio.to_thread(self._worker.close)
