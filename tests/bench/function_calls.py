"""How well a model fills in the arguments of one call, in the ways in which kind `tools` asks for it:
`python -m tests.bench.function_calls --data FILE`.

FILE is of the form of the Berkeley Function-Calling Leaderboard's simple calls: a question, one function, and for each
argument the values that are right. `grammar` is the text protocol held to the schema, `free` the same held to nothing,
`native` the model's own way. Each row: the share of items whose first step makes calls that all fit the function's
schema, of those that make one call, and of those whose arguments are all right.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentfix_plugins.acting.kind import ToolsKind
from jsonschema import Draft202012Validator

from agentfix import ModelReplyError, ModelRequest, Plugins, Sampling, Task, ToolCall, ToolSpec, load_settings

WAYS = ("grammar", "free", "native")
_TYPES = {"dict": "object", "float": "number", "tuple": "array"}


def plain_schema(schema: Any) -> Any:
    """A schema in the words of JSON Schema; `any` is no type there."""
    if isinstance(schema, list):
        return [plain_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: plain_schema(value) for key, value in schema.items() if key not in ("optional",)}
    kind = plain.get("type")
    if kind == "any":
        del plain["type"]
    elif isinstance(kind, str):
        plain["type"] = _TYPES.get(kind, kind)
    return plain


def tool_of(function: dict[str, Any]) -> ToolSpec:
    return ToolSpec(function["name"], function["description"],
                    {**plain_schema(function["parameters"]), "additionalProperties": False})


def right(call: ToolCall, truth: dict[str, Any]) -> bool:
    """Whether every argument has a value that is right, and none is made up."""
    (name, wanted), = truth.items()
    if call.tool != name or any(argument not in wanted for argument in call.arguments):
        return False
    return all(
        any(_equal(call.arguments[argument], value) for value in values) if argument in call.arguments
        else "" in values for argument, values in wanted.items())


def _equal(given: Any, wanted: Any) -> bool:
    if isinstance(given, str) and isinstance(wanted, str):
        return _letters(given) == _letters(wanted)
    if isinstance(given, list) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(_equal, given, wanted))
    if isinstance(given, dict) and isinstance(wanted, dict):
        return given.keys() <= wanted.keys() and all(
            any(_equal(given[k], value) for value in values) if k in given else "" in values
            for k, values in wanted.items())
    return given == wanted and isinstance(given, bool) == isinstance(wanted, bool)


def _letters(text: str) -> str:
    return re.sub(r"[ ,./\-_*^'\"]", "", text).casefold()


async def step(model: Any, way: str, row: dict[str, Any]) -> tuple[list[ToolCall], int]:
    """The calls of the first step, and the tokens written for it."""
    kind, tools = ToolsKind.of("native" if way == "native" else ""), (tool_of(row["function"][0]),)
    task = Task(row["question"][0][0]["content"], "tools")
    prompt = kind.act(task, "act", tools, (), None, "")
    if way == "free":
        prompt = replace(prompt, schema=None)
    request = ModelRequest(prompt.messages, Sampling(max_tokens=prompt.max_tokens), 1, prompt.tools, prompt.schema)
    try:
        completion, = await model.generate(request)
    except ModelReplyError:
        return [], 0
    return list(kind.read_act(task, "act", tools, completion).calls), completion.usage.completion_tokens


async def main(rows: list[dict[str, Any]], name: str, ways: list[str]) -> None:
    settings = load_settings({"model": name} if name else {})
    backend, _, rest = settings.model.partition(":")
    model = Plugins(settings).build("model", backend, rest)
    try:
        for way in ways:
            valid = single = correct = tokens = 0
            began = time.monotonic()
            for row in rows:
                calls, written = await step(model, way, row)
                tokens += written
                schema = tool_of(row["function"][0]).parameters
                fits = bool(calls) and all(Draft202012Validator(schema).is_valid(dict(c.arguments)) for c in calls)
                valid += fits
                single += fits and len(calls) == 1
                correct += fits and len(calls) == 1 and right(calls[0], row["ground_truth"][0])
            seconds = time.monotonic() - began
            sys.stdout.write(f"{settings.model} {way:8} valid {valid / len(rows):6.1%}  "
                             f"one call {single / len(rows):6.1%}  all arguments right "
                             f"{correct / len(rows):6.1%}  {tokens / len(rows):5.0f} tokens  "
                             f"{seconds / len(rows):5.1f} s an item, {len(rows)} items\n")
            sys.stdout.flush()
    finally:
        await model.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    items = [json.loads(line) for line in given.data.read_text(encoding="utf-8").splitlines()]
    asyncio.run(main(items[:given.limit], given.model, given.way or list(WAYS)))
