"""Runs a program in the run's sandbox and reports what happened, as CRITIC words it (arXiv:2305.11738)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfix import ExecResult, Limits, Observation, ToolContext, ToolError, ToolSpec, head_and_tail

TEXT_CHARACTERS = 2000
"""How much of an output or a value a model is shown."""
DATA_CHARACTERS = 20_000
"""How much of an output is kept beside that."""


class PythonTool:
    """The tool `python`."""

    spec = ToolSpec(
        name="python",
        description="Run a Python program and see what it prints, the value of one of its variables, or the error it "
                    "ends with. Each program starts afresh; nothing is kept between calls.",
        parameters={
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "The program."},
                "want": {"type": "string", "description": "A variable whose value is wanted, such as answer."},
            },
            "required": ["code"],
            "additionalProperties": False,
        },
        deterministic=True,
    )

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Run `code`; see `agentfix.Tool`."""
        code, want = arguments["code"], arguments.get("want")
        if want is not None and not want.isidentifier():
            raise ToolError(f"{want!r} is not the name of a variable.")
        result = await context.sandbox.exec(code, Limits(timeout_s=context.timeout_s), want=want)
        data = {"value": result.value, "status": result.status, "error": result.error, "line": result.line,
                "stdout": head_and_tail(result.stdout, DATA_CHARACTERS), "sandbox": result.sandbox}
        return Observation(self.spec.name, result.status, report(code, want, result), data)


def report(code: str, want: str | None, result: ExecResult) -> str:
    """What a model is told of a run: how it ended, where it failed, what it printed, what the variable holds."""
    lines = [f"Execution: {_ending(result)}"]
    source = code.splitlines()
    if result.status != "ok" and result.line is not None and 1 <= result.line <= len(source):
        lines.append(f"Line {result.line}: {head_and_tail(source[result.line - 1].strip(), 200)}")
    if result.stdout.strip():
        lines.append(f"Printed: {head_and_tail(result.stdout.strip(), TEXT_CHARACTERS)}")
    if result.status == "ok" and want is not None:
        value = "is not set" if result.value is None else f"= {head_and_tail(result.value, TEXT_CHARACTERS)}"
        lines.append(f"Output: {want} {value}")
    return "\n".join(lines)


def _ending(result: ExecResult) -> str:
    match result.status:
        case "ok":
            return "Done"
        case "error":
            return result.error or f"exited with status {result.exit_code}"
        case status:
            return f"{status.replace('_', ' ')}: {result.error}" if result.error else status.replace("_", " ")
