"""A run as a face sees it: events, and an agent that plays them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from agentfix.settings import Settings
from agentfix.types import (
    Attempt,
    Critique,
    Delta,
    Event,
    EventKind,
    Evidence,
    EvidenceClass,
    Expand,
    Observation,
    Result,
    Review,
    Standing,
    Stop,
    Task,
    ToolCall,
    Usage,
)

NASTY = "\x1b[31m[bold]red[/bold]\x07"
FIRST = Attempt(0, None, "actor", "fake:m", "p = 1 / 0", None, "p = 1 / 0\nanswer = p",
                Observation("python", "error", f"ZeroDivisionError on line 1 {NASTY}"))
SECOND = Attempt(1, 0, "actor", "fake:m", "p = 1 / 2", "0.5", "p = 1 / 2\nanswer = p",
                 Observation("python", "ok", "0.5"))
REFUTED = Evidence(EvidenceClass.MEASUREMENT, "refutes", "it raised ZeroDivisionError", "python", "instrument",
                   "necessary")
AGREED = Evidence(EvidenceClass.AGREEMENT, "supports", "a second program agrees", "fake:m", "model", weight=2.0)
CRITIQUES = (Critique(0, "program", "revise", "line 1 divides by zero", (REFUTED,)),
             Critique(1, "program", "accept", "", (AGREED,)))
STANDINGS = (Standing("refuted", EvidenceClass.MEASUREMENT, 1.0, "it raised ZeroDivisionError"),
             Standing("supported", EvidenceClass.AGREEMENT, 2.0, "a second program agrees"))
RESULT = Result("run-1", "0.5", EvidenceClass.AGREEMENT, False, "supported", "a second program agrees", 1, "math",
                (FIRST, SECOND), CRITIQUES, STANDINGS, Usage(900, 300, 120, 3, 2), 4.25)


def story(task: Task, settings: Settings, result: Result = RESULT) -> list[Event]:
    """The events of a run that makes a mistake and mends it."""
    calls = [ToolCall("python", {"code": attempt.program}) for attempt in (FIRST, SECOND)]
    told: list[tuple[EventKind, dict[str, object]]] = [
        ("run_started", {"task": task, "strategy": settings.strategy, "model": settings.model}),
        ("notice", {"message": "plugin 'x' is not used"}),
        ("kind_chosen", {"kind": "math", "reason": "it asks for a number"}),
    ]
    for number, attempt in enumerate((FIRST, SECOND)):
        told += [
            ("move", {"move": Expand(attempt.parent)}),
            ("delta", {"delta": Delta(f"p = {NASTY}"), "role": "actor", "attempt": number}),
            ("model_call", {"usage": Usage(100, 0, 10, 1), "caller": "a0.model"}),
            ("tool_call", {"call": calls[number], "caller": "actor"}),
            ("observation", {"call": calls[number], "observation": attempt.observation, "caller": "actor"}),
            ("attempt", {"attempt": attempt}),
            ("move", {"move": Review((number,))}),
            ("critique", {"critique": CRITIQUES[number], "standing": STANDINGS[number]}),
        ]
    told += [("move", {"move": Stop("supported")}), ("result", {"result": result})]
    return [Event(kind, "run-1", 0.1 * i, data) for i, (kind, data) in enumerate(told)]


@dataclass
class FakeAgent:
    """Plays the story; keeps what it was asked and whether it was closed."""

    result: Result = RESULT
    error: Exception | None = None
    settings: Settings | None = None
    tasks: list[Task] = field(default_factory=list)
    closed: bool = False
    on_approval: object = None

    def __call__(self, settings: Settings) -> FakeAgent:
        self.settings = settings
        return self

    async def __aenter__(self) -> FakeAgent:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    async def astream(self, task: Task) -> AsyncIterator[Event]:
        assert self.settings is not None
        self.tasks.append(task)
        for event in story(task, self.settings, self.result):
            if self.error is not None and event.kind == "attempt":
                raise self.error
            yield event


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent()


@pytest.fixture
def events() -> Sequence[Event]:
    return story(Task("What is [b]half[/b] of one?"), Settings())


@pytest.fixture
def unsupported() -> Result:
    return replace(RESULT, supported_by=None, abstained=True, reason="every attempt was refuted")


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """No agentfix.toml and no AGENTFIX_ variable of whoever runs the tests."""
    import os

    for name in [name for name in os.environ if name.startswith("AGENTFIX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))


@pytest.fixture
def cli(agent: FakeAgent, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line with the fake agent: exit status, standard output, standard error."""
    from agentfix.cli.main import main

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments, make_agent=agent)
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call
