"""Evaluations: a data set through one or more strategies, scored, counted, compared with its first attempts.

Knows nothing about models, tools, strategies or any one data set: it has plugins read the rows, and runs tasks through
whatever has `Runs.arun`.
"""

from __future__ import annotations

from agentfix.evals.datasets import load as load
from agentfix.evals.item import Item as Item
from agentfix.evals.judge import SandboxJudge as SandboxJudge
from agentfix.evals.record import Record as Record
from agentfix.evals.record import RecordFile as RecordFile
from agentfix.evals.runner import Evaluation as Evaluation
from agentfix.evals.runner import Runs as Runs
from agentfix.evals.summary import Summary as Summary
from agentfix.evals.summary import summarise as summarise

__all__ = [
    "Evaluation", "Item", "Record", "RecordFile", "Runs", "SandboxJudge", "Summary", "load", "summarise",
]
