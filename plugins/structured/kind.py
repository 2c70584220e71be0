"""Kind `json`: the answer is a JSON value that fits the task's schema, where it has one.

The value is asked for directly and, as an independent way to it, after a reasoning in words, in one object with it.
Where the model can be held to a schema, both are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentfix import Attempt, Draft, Message, Observation, Prompt, Task

from .prompts import render
from .reading import member, plain, read

REASONED = "reasoned"
MAX_TOKENS = 1024


class JsonKind:
    """See the module."""

    name = "json"
    critics = ("schema", "tests")
    roles = ("value", REASONED)

    def matches(self, task: Task) -> bool:
        return task.schema is not None

    def prompt(self, task: Task, role: str, parent: Attempt | None, guidance: str) -> Prompt:
        schema = _reasoned(task.schema or {}) if role == REASONED else task.schema
        shown = None if schema is None else json.dumps(schema, ensure_ascii=False)
        messages = (Message("user", render("answer", question=task.question, context=task.context, schema=shown,
                                           reasoned=role == REASONED)),)
        if parent is not None:
            messages = (*messages, Message("assistant", parent.text),
                        Message("user", render("revise", guidance=guidance)))
        return Prompt(messages, MAX_TOKENS, schema=schema)

    def read(self, task: Task, role: str, text: str) -> Draft:
        """The value, as JSON on one line; the text as it is where that can't be read, so that it can be said why."""
        value = read(text)
        if role == REASONED:
            value = member(value, "answer")
        return Draft((text.strip() if value is None else json.dumps(value, ensure_ascii=False)) or None)

    def settle(self, task: Task, draft: Draft, observation: Observation) -> str | None:
        return draft.answer

    def same(self, a: str, b: str) -> bool:
        """The same value: members in any order, and 1.0 is 1."""
        if a == b:
            return True
        one, other = read(a), read(b)
        return one is not None and other is not None and _told(one) == _told(other)


def _told(value: Any) -> str:
    return json.dumps(plain(value), sort_keys=True)


def _reasoned(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object that holds a reasoning and then the value. What it refers to stays at the root."""
    shared = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    return {**shared, "type": "object", "required": ["reasoning", "answer"], "additionalProperties": False,
            "properties": {"reasoning": {"type": "string"},
                           "answer": {name: part for name, part in schema.items() if name not in shared}}}
