"""Evaluations: a data set through one or more strategies, scored, counted, compared with its first attempts and with
strategies that spend as much.

Critics alone are evaluated on recorded answers, and how often an answer is given up under an objection is counted.
Knows nothing about models, tools, strategies or any one data set: it has plugins read the rows, and runs tasks through
whatever has `Runs.arun`.
"""

from __future__ import annotations

from agentfix.evals.comparison import Comparison as Comparison
from agentfix.evals.comparison import Share as Share
from agentfix.evals.comparison import compared as compared
from agentfix.evals.comparison import comparisons as comparisons
from agentfix.evals.contamination import Guarded as Guarded
from agentfix.evals.contamination import clean as clean
from agentfix.evals.contamination import contaminated as contaminated
from agentfix.evals.contamination import strings_in as strings_in
from agentfix.evals.critic_summary import Area as Area
from agentfix.evals.critic_summary import CriticSummary as CriticSummary
from agentfix.evals.critic_summary import summarise_critics as summarise_critics
from agentfix.evals.criticism import CriticEvaluation as CriticEvaluation
from agentfix.evals.criticism import CriticRecord as CriticRecord
from agentfix.evals.criticism import Reviews as Reviews
from agentfix.evals.datasets import load as load
from agentfix.evals.figure import figure as figure
from agentfix.evals.item import Item as Item
from agentfix.evals.judge import SandboxJudge as SandboxJudge
from agentfix.evals.judged import JudgedAnswer as JudgedAnswer
from agentfix.evals.judged import load_judged as load_judged
from agentfix.evals.lines import RecordLines as RecordLines
from agentfix.evals.lines import other_row as other_row
from agentfix.evals.lines import stored as stored
from agentfix.evals.lineup import Contender as Contender
from agentfix.evals.lineup import lineup as lineup
from agentfix.evals.pulling import files_of as files_of
from agentfix.evals.pulling import pull as pull
from agentfix.evals.pushback import PushbackEvaluation as PushbackEvaluation
from agentfix.evals.pushback import PushbackRecord as PushbackRecord
from agentfix.evals.pushback_summary import PushbackSummary as PushbackSummary
from agentfix.evals.pushback_summary import summarise_pushback as summarise_pushback
from agentfix.evals.record import Record as Record
from agentfix.evals.record import RecordFile as RecordFile
from agentfix.evals.record import Stage as Stage
from agentfix.evals.record import in_order as in_order
from agentfix.evals.runner import Evaluation as Evaluation
from agentfix.evals.runner import Runs as Runs
from agentfix.evals.shown import Shown as Shown
from agentfix.evals.shown import shown_by as shown_by
from agentfix.evals.summary import Summary as Summary
from agentfix.evals.summary import summarise as summarise

__all__ = [
    "Area", "Comparison", "Contender", "CriticEvaluation", "CriticRecord", "CriticSummary", "Evaluation", "Guarded",
    "Item", "JudgedAnswer", "PushbackEvaluation", "PushbackRecord", "PushbackSummary", "Record", "RecordFile",
    "RecordLines", "Reviews", "Runs", "SandboxJudge", "Share", "Shown", "Stage", "Summary", "clean", "compared",
    "comparisons", "contaminated", "figure", "files_of", "in_order", "lineup", "load", "load_judged", "other_row",
    "pull", "shown_by", "stored", "strings_in", "summarise", "summarise_critics", "summarise_pushback",
]
