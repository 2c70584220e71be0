"""Says what agentfix finds on this machine, what is missing, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from agentfix.deadline import within
from agentfix.doctor.finding import Finding
from agentfix.doctor.kept import NAME as JOURNAL
from agentfix.doctor.kept import check_journal
from agentfix.doctor.llama import NAME as LLAMA
from agentfix.doctor.llama import check_llama
from agentfix.doctor.loading import NAME as LOADING
from agentfix.doctor.loading import check_loading
from agentfix.doctor.machine import check_compiler, check_data_folder, check_disk, check_hardware, check_python
from agentfix.doctor.parts import (
    check_calculator,
    check_conversation,
    check_docker,
    check_documents,
    check_embedded,
    check_model,
    check_plugins,
    check_search,
)
from agentfix.settings import Settings

Check: TypeAlias = Callable[[], Finding | tuple[Finding, ...]]

NEEDED = ("python", LLAMA, "embedded sandbox", "data folder", JOURNAL)
"""What the main job can't do without; a missing model is fetched when it is first used."""
CHECK_TIMEOUT_S = 90.0
"""For each check; longer than every time limit inside one."""


def checks(settings: Settings) -> dict[str, Check]:
    """Every check, by what it looks at, in the order in which people read them."""
    return {
        "python": check_python,
        "hardware": check_hardware,
        "data folder": lambda: check_data_folder(settings),
        JOURNAL: lambda: check_journal(settings),
        "disk": lambda: check_disk(settings),
        "model": lambda: check_model(settings),
        LLAMA: lambda: check_llama(settings),
        LOADING: lambda: check_loading(settings),
        "C++ compiler": check_compiler,
        "embedded sandbox": check_embedded,
        "docker": lambda: check_docker(settings),
        "calculator": check_calculator,
        "documents": check_documents,
        "web search": check_search,
        "conversation": check_conversation,
        "plugins": lambda: check_plugins(settings),
    }


def examine(to_do: dict[str, Check], timeout_s: float = CHECK_TIMEOUT_S) -> tuple[Finding, ...]:
    """Make checks; one that fails or hangs is a finding itself."""
    return tuple(finding for name, check in to_do.items() for finding in _examine(name, check, timeout_s))


def unmet(findings: Iterable[Finding]) -> Sequence[str]:
    """What keeps the main job from running."""
    return [finding.name for finding in findings if finding.name in NEEDED and finding.state != "ok"]


def _examine(name: str, check: Check, timeout_s: float) -> tuple[Finding, ...]:
    try:
        found = within(timeout_s, check)
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the other checks must be told
        return (Finding(name, "broken", f"looking at it failed: {error!r}"),)
    return found if isinstance(found, tuple) else (found,)
