"""agentfix: an actor answers, a critic checks with real tools, and the answer comes back with its evidence.

Everything a plugin or an app needs is a name of this package; importing it loads nothing heavy.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentfix.agent import Agent as Agent
    from agentfix.bisection import Bisection as Bisection
    from agentfix.bisection import Stage as Stage
    from agentfix.bisection import bisected as bisected
    from agentfix.checks import checks_in as checks_in
    from agentfix.cli.visible import one_line as one_line
    from agentfix.cli.visible import visible as visible
    from agentfix.confidence import confidence_of as confidence_of
    from agentfix.conversation import compacted as compacted
    from agentfix.conversation import turn_of as turn_of
    from agentfix.errors import *  # noqa: F403
    from agentfix.evidence import ENGINE_CRITICS as ENGINE_CRITICS
    from agentfix.hookspecs import API_VERSION as API_VERSION
    from agentfix.hookspecs import Build as Build
    from agentfix.hookspecs import Register as Register
    from agentfix.hookspecs import hookimpl as hookimpl
    from agentfix.mcp_servers import McpServer as McpServer
    from agentfix.models.scoring import how_likely as how_likely
    from agentfix.plugins import Plugins as Plugins
    from agentfix.pool import Pool as Pool
    from agentfix.protocols import *  # noqa: F403
    from agentfix.schemas import NotJsonError as NotJsonError
    from agentfix.schemas import check_text as check_text
    from agentfix.schemas import read_json as read_json
    from agentfix.settings import Settings as Settings
    from agentfix.settings import load_settings as load_settings
    from agentfix.settings import read_key as read_key
    from agentfix.steps import first_steps as first_steps
    from agentfix.steps import steps_of as steps_of
    from agentfix.structured import Output as Output
    from agentfix.structured import StructuredResult as StructuredResult
    from agentfix.tools import FunctionTool as FunctionTool
    from agentfix.tools import defused as defused
    from agentfix.tools import fence as fence
    from agentfix.tools import head_and_tail as head_and_tail
    from agentfix.tools import instructions_in as instructions_in
    from agentfix.tools import tool as tool
    from agentfix.types import *  # noqa: F403
    from agentfix.valuation import SEARCH_ROOT as SEARCH_ROOT
    from agentfix.valuation import SearchStatistic as SearchStatistic
    from agentfix.valuation import search_statistics as search_statistics
    from agentfix.valuation import worth_of as worth_of
    from agentfix.verdict import VERDICT_SCHEMA as VERDICT_SCHEMA
    from agentfix.verdict import Verdict as Verdict
    from agentfix.verdict import read_object as read_object
    from agentfix.verdict import read_verdict as read_verdict

logging.getLogger(__name__).addHandler(logging.NullHandler())  # an application decides what it logs, and where

_HOMES = {
    "agentfix.agent": ("Agent",),
    "agentfix.bisection": ("Bisection", "Stage", "bisected"),
    "agentfix.checks": ("checks_in",),
    "agentfix.confidence": ("confidence_of",),
    "agentfix.conversation": ("compacted", "turn_of"),
    "agentfix.evidence": ("ENGINE_CRITICS",),
    "agentfix.plugins": ("Plugins",),
    "agentfix.pool": ("Pool",),
    "agentfix.schemas": ("NotJsonError", "check_text", "read_json"),
    "agentfix.settings": ("Settings", "load_settings", "read_key"),
    "agentfix.mcp_servers": ("McpServer",),
    "agentfix.hookspecs": ("API_VERSION", "Build", "Register", "hookimpl"),
    "agentfix.errors": (
        "AgentFixError", "BlindModelError", "CallInDoubtError", "CatalogueError", "ConfigError", "ContaminationError",
        "ContextOverflowError", "DataSetError", "DuplicateNameError", "InputError", "IsolationError", "JournalError",
        "ModelDeniedError", "ModelError", "ModelReplyError", "ModelUnavailableError", "PluginError", "PluginLoadError",
        "RecordingError", "RunUnderWayError", "SandboxBusyError", "SandboxError", "SandboxFileError",
        "SandboxLostError", "SandboxUnavailableError", "ToolError", "UnknownNameError", "UsageError",
    ),
    "agentfix.models.scoring": ("how_likely",),
    "agentfix.structured": ("Output", "StructuredResult"),
    "agentfix.steps": ("first_steps", "steps_of"),
    "agentfix.tools": ("FunctionTool", "defused", "fence", "head_and_tail", "instructions_in", "tool"),
    "agentfix.cli.visible": ("one_line", "visible"),
    "agentfix.verdict": ("VERDICT_SCHEMA", "Verdict", "read_object", "read_verdict"),
    "agentfix.valuation": ("SEARCH_ROOT", "SearchStatistic", "search_statistics", "worth_of"),
    "agentfix.protocols": (
        "ActingKind", "Artefact", "Ask", "Asked", "CallKey", "Critic", "CriticContext", "DataSet", "DataSource",
        "Deadline", "ExecResult", "ExecStatus", "FileInfo", "Grader", "HostFunction", "Http", "Journal",
        "JournalledCall", "Judge", "LearningStrategy", "Limits", "Memory", "Model", "OnOutput", "OpenKind",
        "OutputStream", "Passage", "Prompt", "PublishedDataSet", "ReadingKind", "Repl", "Response", "Sandbox", "Score",
        "Scorer", "SearchEngine", "Secrets", "Seed", "Session", "SessionState", "SlashCommand", "Strategy", "TaskKind",
        "TellingGrader", "Tool", "ToolCalls", "ToolContext", "Tools", "Undoable", "Verifier", "Verify",
        "WebEngine", "WebQuery", "review_each", "review_parts",
    ),
    "agentfix.types": (
        "AskPerson", "Attempt", "Budget", "Check", "Claim", "Completion", "Critique", "Delta", "Deny", "Draft", "Event",
        "Evidence", "EvidenceClass", "Expand", "Image", "Message", "ModelRequest", "Move", "Observation", "Origin",
        "PendingModelCall", "PendingToolCall", "Reflect", "Reflection", "Remaining", "Remark", "Replace", "Result",
        "Review", "Round", "Sampling", "Standing", "Step", "Stop", "Task", "TokenLogprob", "ToolCall", "ToolSpec",
        "Tree", "Turn", "Usage", "VerdictWord",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'agentfix' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
