"""Evaluations: a data set through one or more strategies, scored, counted, compared with its first attempts and with
strategies that spend as much.

Knows nothing about models, tools, strategies or any one data set: it has plugins read the rows, and runs tasks through
whatever has `Runs.arun`.
"""

from __future__ import annotations

from agentfix.evals.comparison import Comparison as Comparison
from agentfix.evals.comparison import Share as Share
from agentfix.evals.comparison import compared as compared
from agentfix.evals.comparison import comparisons as comparisons
from agentfix.evals.datasets import load as load
from agentfix.evals.figure import figure as figure
from agentfix.evals.item import Item as Item
from agentfix.evals.judge import SandboxJudge as SandboxJudge
from agentfix.evals.lines import stored as stored
from agentfix.evals.lineup import Contender as Contender
from agentfix.evals.lineup import lineup as lineup
from agentfix.evals.pulling import files_of as files_of
from agentfix.evals.pulling import pull as pull
from agentfix.evals.record import Record as Record
from agentfix.evals.record import RecordFile as RecordFile
from agentfix.evals.record import Stage as Stage
from agentfix.evals.record import in_order as in_order
from agentfix.evals.runner import Evaluation as Evaluation
from agentfix.evals.runner import Runs as Runs
from agentfix.evals.summary import Summary as Summary
from agentfix.evals.summary import summarise as summarise

__all__ = [
    "Comparison", "Contender", "Evaluation", "Item", "Record", "RecordFile", "Runs", "SandboxJudge", "Share", "Stage",
    "Summary", "compared", "comparisons", "figure", "files_of", "in_order", "lineup", "load", "pull", "stored",
    "summarise",
]
