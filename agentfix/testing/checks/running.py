"""Runs all checks of a target's plugins in this process, one after the other."""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from unittest import SkipTest

from agentfix.errors import AgentFixError
from agentfix.plugins import Found
from agentfix.plugins.contract import described
from agentfix.protocols import Critic, Strategy, TaskKind, Tool
from agentfix.testing.checks.calling import captured
from agentfix.testing.checks.check import Checks, Fault
from agentfix.testing.checks.child import answering
from agentfix.testing.checks.critics import CriticConformance
from agentfix.testing.checks.kinds import KindConformance
from agentfix.testing.checks.plugin import PluginConformance
from agentfix.testing.checks.strategies import StrategyConformance
from agentfix.testing.checks.target import found_at, load_target
from agentfix.testing.checks.tools import ToolConformance

Status: TypeAlias = Literal["ok", "failed", "warning", "skipped"]
IMPORTED = "it can be imported"
HANG_TIMES = 8
"""A check may take so many times what one call may."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one check found."""

    subject: str
    """The plugin, or its part: `tool word_count`."""
    check: str
    status: Status
    detail: str = ""
    """What is wrong, where, and what to do; or why it was skipped."""


@dataclass(frozen=True)
class Subject:
    """Something that is checked.

    Args:
        name: for a person.
        checks: a class of checks for it alone.
        make: makes it.
    """

    name: str
    checks: type[Checks]
    make: Callable[[], object]


def answer(asked: dict[str, Any]) -> None:
    """Check a target, in a process of its own, and tell the one that asks of each check before and after.

    Args:
        asked: `target`; `timeout_s`, of one call; `done`, the subject and name of checks not to be run again; `hung`,
            subjects to be left alone; `temporary`, a folder for temporary files, which is open to every tool.
    """
    tempfile.tempdir = asked["temporary"]
    send, stacks = answering(), os.dup(2)
    faulthandler.enable(file=stacks)
    done = {(subject, name) for subject, name in asked["done"]}
    options = {"target": asked["target"], "timeout_s": asked["timeout_s"]}

    def run(subject: str, name: str, check: Callable[[], str]) -> Line | None:
        """Run one check, unless it was run before."""
        if (subject, name) in done:
            return None
        if subject in asked["hung"]:
            line = Line(subject, name, "skipped", "it hung, or ended its process, before")
        else:
            send({"begin": [subject, name], "within_s": HANG_TIMES * asked["timeout_s"]})
            with _watched(HANG_TIMES * asked["timeout_s"], stacks):
                line = _run(subject, name, check)
        send({"subject": line.subject, "check": line.check, "status": line.status, "detail": line.detail})
        return line

    for found in found_at(asked["target"]):
        line = run(found.name, IMPORTED, lambda found=found: _imports(found))
        if found.name in asked["hung"] or (line is not None and line.status == "failed"):
            continue
        for subject in _subjects(found, options):
            for name in checks_of(subject.checks):
                run(subject.name, sentence(name), _bound(subject, name))
    send({"end": True})
    sys.stderr.flush()
    os._exit(0)  # what a plugin left behind must not keep the process


def checks_of(checks: type[Checks]) -> list[str]:
    """The names of a class's checks, in the order in which they are written."""
    return [name for cls in reversed(checks.__mro__) for name in vars(cls) if name.startswith("test_")]


def sentence(name: str) -> str:
    """A check's name as a sentence."""
    return name.removeprefix("test_").replace("can_t", "can't").replace("_", " ")


def _subjects(found: Found, options: dict[str, Any]) -> Iterator[Subject]:
    """A plugin, then each of its parts."""
    plugin = found.load()
    yield Subject(found.name, _class(PluginConformance, {**options, "name": found.name}), lambda: plugin)
    target = load_target(options["target"])
    for part, name in target.info(found.name).parts:
        checks: dict[str, tuple[type[Checks], type[Any]]] = {
            "tool": (ToolConformance, Tool), "critic": (CriticConformance, Critic),
            "strategy": (StrategyConformance, Strategy), "kind": (KindConformance, TaskKind)}
        if part in checks:
            kind, protocol = checks[part]
            try:
                made: object = target.plugins.build(part, name)
            except AgentFixError:
                continue  # the plugin's own checks say so
            if isinstance(made, protocol):
                yield Subject(f"{part} {name}", _class(kind, options), lambda made=made: made)


def _class(checks: type[Checks], options: dict[str, Any]) -> type[Checks]:
    """A class of checks for one subject: it keeps what it has seen of it."""
    return type(checks.__name__, (checks,), options)


def _bound(subject: Subject, name: str) -> Callable[[], str]:
    def run() -> str:
        checks = subject.checks()
        getattr(checks, name)(subject.make())
        return checks.noted

    return run


def _imports(found: Found) -> str:
    with captured() as printed:
        try:
            found.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Fault(f"it can't be imported: {described(error)}") from error
    if printed():
        raise Fault(f"importing it prints {printed()[:80]!r}: standard output belongs to the application")
    return ""


def _run(subject: str, name: str, check: Callable[[], str]) -> Line:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            noted = check()
        except SkipTest as reason:
            return Line(subject, name, "skipped", str(reason))
        except Fault as fault:
            return Line(subject, name, "failed", str(fault))
        except Exception as error:  # noqa: BLE001 - a plugin may make a check itself fail
            return Line(subject, name, "failed", f"the check itself could not be made: {described(error)}")
    warned = [str(each.message) for each in said if each.category.__name__ == "ConformanceWarning"]
    return Line(subject, name, "warning" if warned else "ok", " ".join(warned) or noted)


@contextmanager
def _watched(within_s: float, stacks: int) -> Generator[None]:
    """Write where every thread is shortly before a check's time is up: the one that asks will kill this process, and
    wants to know."""
    faulthandler.dump_traceback_later(0.9 * within_s, file=stacks)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
