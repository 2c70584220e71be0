"""What must be seen in a process of its own: how long a plugin takes to import, and whether it says the same there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfix.testing.checks.battery import Battery
from agentfix.testing.checks.check import Fault
from agentfix.testing.checks.child import answering, start
from agentfix.testing.checks.target import found_at, load_target

LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an import takes."""

    seconds: float
    packages: tuple[str, ...]
    """Packages of others that it loads."""


def cost(target: str, name: str) -> Cost:
    """Import a plugin in a fresh process.

    Args:
        target: where it is.
        name: which, where there are several.

    Raises:
        Fault: that failed.
    """
    answer = _ask({"do": "cost", "target": target, "name": name})
    return Cost(answer["seconds"], tuple(answer["packages"]))


def said(target: str, tool: str, arguments: Sequence[Mapping[str, Any]], timeout_s: float, seed: int) -> list[str]:
    """Make calls in a fresh process. Returns what a tool said to each.

    Raises:
        Fault: that failed.
    """
    return _ask({"do": "calls", "target": target, "tool": tool, "arguments": [dict(each) for each in arguments],
                 "timeout_s": timeout_s, "seed": seed})["said"]


def answer(asked: dict[str, Any]) -> None:
    """Do what is asked, in the other process."""
    send = answering()
    match asked["do"]:
        case "cost":
            send(_cost(asked["target"], asked["name"]))
        case _:
            tool = load_target(asked["target"]).plugins.build("tool", asked["tool"])
            made = Battery(tool, asked["timeout_s"], asked["seed"]).all(asked["arguments"])
            send({"said": [each.said for each in made]})


def _cost(target: str, name: str) -> dict[str, Any]:
    found = found_at(target)
    wanted = [each for each in found if each.name == name] or found
    known, began = {*sys.modules}, time.monotonic()
    for each in wanted:
        each.load()
    seconds = time.monotonic() - began
    loaded = {name.partition(".")[0] for name in {*sys.modules} - known}
    others = {name for name in loaded if not name.startswith(("_", "agentfix"))} - sys.stdlib_module_names
    return {"seconds": seconds, "packages": sorted(others)}


def _ask(asked: dict[str, Any]) -> dict[str, Any]:
    process = start(__name__, asked, subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise Fault(f"in a process of its own it takes more than {LONGEST_S:g} s") from error
    if not out:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Fault(f"in a process of its own it ends with status {process.returncode}: {''.join(last)[:200]}")
    return json.loads(out.splitlines()[0])
