"""Writes the parts of README.md that are made from the code: `python -m tests.readme`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from agentfix.hookspecs import Hooks

README = Path(__file__).parent.parent / "README.md"
MARK = re.compile(r"(<!-- made from the code: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def hooks() -> str:
    """The hooks with their contracts, as a table."""
    lines = ["| Hook | What it is for | When, and in what order | Returns | What an exception does |",
             "| --- | --- | --- | --- | --- |"]
    for name, function in vars(Hooks).items():
        if not name.startswith("agentfix_"):
            continue
        parameters = ", ".join(list(inspect.signature(function).parameters)[1:])
        purpose, when, returns, failure = _contract(inspect.getdoc(function) or "")
        lines.append(f"| `{name}({parameters})` | {purpose} | {when} | {returns} | {failure} |")
    return "\n".join(lines)


def _contract(doc: str) -> tuple[str, str, str, str]:
    """The parts of a hook's docstring. Of registration hooks all is said once, in the module's."""
    paragraphs = [" ".join(part.split()) for part in doc.split("\n\n")]
    failure = next((p for p in paragraphs if p.startswith("An exception")), "it disables the plugin, which is named")
    returns = next((p.removeprefix("Returns: ") for p in paragraphs if p.startswith("Returns: ")), "nothing")
    rest = [p for p in paragraphs[1:] if not p.startswith(("An exception", "Returns: "))]
    when = " ".join(rest) or "once, when parts are first needed"
    return paragraphs[0], when, returns, failure.replace("An exception, or more than 10 seconds, ", "").replace(
        "An exception ", "")


PARTS = {"hooks": hooks}


def made(text: str) -> str:
    """README's text with the parts that are made from the code as they are now."""
    return MARK.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", text)


if __name__ == "__main__":
    README.write_text(made(README.read_text(encoding="utf-8")), encoding="utf-8")
