"""Kind `code`: a Python function or program. The answer is its source."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from agentfix import Attempt, Draft, Message, Observation, Prompt, Task

from .prompts import render
from .reading import program_in

_ASKS = re.compile(
    r"\b(?:write|implement|create|define|complete|code|fix|repair|debug)\b[^.?!]{0,60}"
    r"\b(?:function|program|class|script|method|code|algorithm|decorator|generator)\b|^[ \t]*def \w+\(|```python",
    re.IGNORECASE | re.MULTILINE,
)
SHOWN_CHECK_CHARS = 4000


class CodeKind:
    """See the module."""

    name = "code"
    critics = ("tests",)
    roles = ("program",)
    many_answers = True

    def matches(self, task: Task) -> bool:
        return bool(_ASKS.search(task.question))

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        checks = "\n".join(check.source for check in task.checks)[:SHOWN_CHECK_CHARS]
        question = render("code_program", question=task.question, context=task.context, checks=checks)
        messages = (Message("system", render("code_system")), Message("user", question))
        if parent is not None:
            messages = (*messages, Message("assistant", f"```python\n{parent.program or parent.text}\n```"),
                        Message("user", render("code_revise", guidance=guidance)))
        return Prompt(messages, max_tokens=600)

    def read(self, task: Task, role: str, text: str) -> Draft:
        program = program_in(text)
        return Draft(answer=program, program=program)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.program

    def same(self, a: str, b: str) -> bool:
        """The same program but for layout and comments."""
        return a == b or _shape(a) == _shape(b)


@lru_cache(maxsize=256)  # each new attempt is compared with all that came before it
def _shape(program: str) -> str | tuple[str, ...]:
    try:
        return ast.dump(ast.parse(program))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(program.split())
