"""The seams: what a part must be able to do to take part in a run. All async; nothing to inherit.

A second implementation that needs a wider protocol is a design review, not a patch.
"""

from __future__ import annotations

from agentfix.protocols.conversations import Repl, SlashCommand
from agentfix.protocols.critics import (
    Critic,
    CriticContext,
    LearningStrategy,
    Strategy,
    ToolCalls,
    Verify,
    review_each,
    review_parts,
)
from agentfix.protocols.datasets import DataSet, DataSource, Grader, Judge, PublishedDataSet, Score, TellingGrader
from agentfix.protocols.journals import CallKey, Journal, JournalledCall, Memory
from agentfix.protocols.kinds import ActingKind, Asked, OpenKind, Prompt, ReadingKind, TaskKind
from agentfix.protocols.models import Ask, Model, Scorer
from agentfix.protocols.sandboxes import (
    Artefact,
    ExecResult,
    ExecStatus,
    FileInfo,
    HostFunction,
    Limits,
    OnOutput,
    OutputStream,
    Sandbox,
    Session,
    SessionState,
)
from agentfix.protocols.search import Passage, SearchEngine, WebEngine, WebQuery
from agentfix.protocols.tools import (
    Deadline,
    Http,
    NoHttp,
    NoSecrets,
    Response,
    Secrets,
    Seed,
    Tool,
    ToolContext,
    Tools,
    Undoable,
    Verifier,
)

__all__ = [
    "ActingKind",
    "Artefact",
    "Ask",
    "Asked",
    "CallKey",
    "Critic",
    "CriticContext",
    "DataSet",
    "DataSource",
    "Deadline",
    "ExecResult",
    "ExecStatus",
    "FileInfo",
    "Grader",
    "HostFunction",
    "Http",
    "Journal",
    "JournalledCall",
    "Judge",
    "LearningStrategy",
    "Limits",
    "Memory",
    "Model",
    "NoHttp",
    "NoSecrets",
    "OnOutput",
    "OpenKind",
    "OutputStream",
    "Passage",
    "Prompt",
    "PublishedDataSet",
    "ReadingKind",
    "Repl",
    "Response",
    "Sandbox",
    "Score",
    "Scorer",
    "SearchEngine",
    "Secrets",
    "Seed",
    "Session",
    "SessionState",
    "SlashCommand",
    "Strategy",
    "TaskKind",
    "TellingGrader",
    "Tool",
    "ToolCalls",
    "ToolContext",
    "Tools",
    "Undoable",
    "Verifier",
    "Verify",
    "WebEngine",
    "WebQuery",
    "review_each",
    "review_parts",
]
