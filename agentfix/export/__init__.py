"""Training data from what runs did: only what something better than an opinion proved right or wrong.

Pure: turns runs, as a journal tells them, into rows of the data set formats of TRL
(https://huggingface.co/docs/trl/dataset_formats). Knows nothing about journals, models or trainers.
"""

from __future__ import annotations

from agentfix.export.formats import FORMATS as FORMATS
from agentfix.export.formats import Export as Export
from agentfix.export.formats import exported as exported
from agentfix.export.runs import Run as Run
from agentfix.export.runs import Selection as Selection

__all__ = ["FORMATS", "Export", "Run", "Selection", "exported"]
