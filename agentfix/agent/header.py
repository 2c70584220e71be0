"""What the journal notes of a run when it begins: enough to make the same run again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from agentfix.errors import ConfigError, JournalError, UnknownNameError
from agentfix.recording import Recording
from agentfix.settings import Settings
from agentfix.types import Task, ToolSpec

_TASK = TypeAdapter(Task)
KEPT = ("model", "critic_model", "strategy", "kind", "critics", "sandbox", "require", "seed", "deterministic",
        "tool_timeout_s", "tools")
LIMITS = ("max_rounds", "max_model_calls", "max_tool_calls", "max_tokens", "max_cost", "max_seconds")
OF_A_RUN = (*(name for name in KEPT if name != "deterministic"), *LIMITS, "memory", "policy", "private_hosts",
            "work_dir", "record")
"""What a run can have of its own; all else its agent is made with."""


def make_header(task: Task, settings: Settings, given: str | None, found: Iterable[ToolSpec],
                critics: Sequence[str]) -> dict[str, Any]:
    """The header of a run.

    Args:
        task: what is asked.
        settings: those that decide what happens in it are kept (no key, and no path but that of the working folder).
        given: the answer that is checked, when it came with the task.
        found: the tools that were found for it.
        critics: those that alone review the given answer; none where they are the usual ones.
    """
    kept = settings.model_dump(mode="json", include={*KEPT, *LIMITS})
    header: dict[str, Any] = {"task": asdict(task), "settings": kept}
    for name in ("history", "schema", "validator"):
        if not header["task"][name]:
            del header["task"][name]  # as headers were before there was such a thing: the same task, the same header
    if settings.work_dir is not None:
        header["work_dir"] = str(settings.work_dir)
    if given is not None:
        header["given"] = given
    if critics:
        header["critics"] = [*critics]
    if specs := [json.loads(json.dumps(asdict(spec))) for spec in found]:
        header["tools"] = specs
    return header


def memory_in(header: Mapping[str, Any], strategy: str) -> Mapping[str, Any]:
    """What a strategy remembered when the run began; nothing where a recording has that in another form."""
    memory: Any = header.get("memory")
    if not isinstance(memory, dict):
        return {}
    noted = cast("dict[str, Any]", memory)
    held = noted.get("held") if noted.get("strategy") == strategy else None
    return cast("dict[str, Any]", held) if isinstance(held, dict) else {}


def header_of(recording: Recording, task: Task) -> Mapping[str, Any] | None:
    """The header of the recorded run that asks the same, or else of the first one; None where no run is recorded."""
    headers = [*recording.runs.values()]
    return next((h for h in headers if dict(h.get("task") or {}).get("question") == task.question),
                headers[0] if headers else None)


def given_in(header: Mapping[str, Any] | None) -> str | None:
    """The answer that came with the task; None when the actor is asked for one."""
    given = (header or {}).get("given")
    return None if given is None else str(given)


def critics_in(header: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The critics that alone review the answer which came with the task; none where they are the usual ones."""
    return tuple(map(str, (header or {}).get("critics", ())))


def read_header(run: str, header: Mapping[str, Any] | None, settings: Settings,
                changes: Mapping[str, Any]) -> tuple[Task, Settings]:
    """The task of a run and the settings to go on with.

    Args:
        run: its name.
        header: from the journal or a recording; None when there is no such run.
        settings: for all that the header does not say: where data lies, what endpoints there are.
        changes: settings to go on with instead of the header's.

    Raises:
        JournalError: there is no such run, or its header can't be understood.
        ConfigError: a change is no setting, has a wrong value, or would have no effect.
    """
    if header is None:
        raise JournalError(f"There is no run {run!r}.", "See: agentfix runs list")
    try:
        task = _TASK.validate_python(header["task"])
        folder = {"work_dir": header["work_dir"]} if "work_dir" in header else {}
        merged = Settings.model_validate({**settings.model_dump(), **header["settings"], **folder})
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"The header of run {run!r} can't be understood: {error!r}.") from error
    return task, changed(merged, changes, settings)


def changed(settings: Settings, changes: Mapping[str, Any], agents: Settings | None = None) -> Settings:
    """The settings of one run, which differ from others.

    Args:
        settings: what changes.
        changes: how.
        agents: those of the agent, where they are others: what is as there is no change.

    Raises:
        ConfigError: a change is no setting, has a wrong value, or would have no effect.
    """
    for name in changes:
        if name not in Settings.model_fields:
            unknown = UnknownNameError("setting", name, Settings.model_fields)
            raise ConfigError(unknown.message, unknown.hint)
    try:
        new = Settings.model_validate({**settings.model_dump(), **changes}) if changes else settings
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The setting {name!r} is wrong: {first['msg']}.") from error
    for name in changes:
        if name not in OF_A_RUN and getattr(new, name) != getattr(agents or settings, name):
            raise ConfigError(f"One run can't have another {name!r}: an agent has one for all its runs.",
                              f"Make an agent with it. A run can have its own: {', '.join(sorted(OF_A_RUN))}.")
    return new


def for_elsewhere(header: Mapping[str, Any]) -> dict[str, Any]:
    """A header without what holds on this machine only."""
    return {name: value for name, value in header.items() if name != "work_dir"}


def require_no_lower(run: str, begun: Settings, settings: Settings) -> None:
    """Check that a run goes on with no lower limits than before: with those it would have been another run.

    Raises:
        ConfigError: one is lower.
    """
    for name in LIMITS:
        before, now = getattr(begun, name), getattr(settings, name)
        if now is not None and (before is None or now < before):
            raise ConfigError(f"Run {run!r} has {name} = {'no limit' if before is None else before}, and can't go on "
                              f"with {now}: it would be another run.", "Fork it instead: agentfix run --fork RUN@STEP.")
