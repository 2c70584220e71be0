"""The data sets that `agentfix eval` reads: GSM8K, SVAMP, TabMWP, MBPP, QuixBugs, open questions, and `plain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentfix import Build, DataSet, hookimpl

_DATASETS = {
    "gsm8k": "Word problems whose answer is a number (Cobbe et al., 2021).",
    "svamp": "Word problems whose answer is a number (Patel et al., 2021).",
    "tabmwp": "Problems about a table: a number, or one of several choices (Lu et al., 2023).",
    "mbpp": "Python functions; the first assertion is shown, the others judge (Austin et al., 2021).",
    "quixbugs": "Python functions with a bug, and tests that judge the repair (Lin et al., 2017).",
    "hotpotqa": "Open questions that need two documents (Yang et al., 2018).",
    "nq": "Open questions that people asked a search engine (Kwiatkowski et al., 2019).",
    "triviaqa": "Open questions of quizzes (Joshi et al., 2017).",
    "ambignq": "Open questions that can be read in several ways; an answer to any counts (Min et al., 2020).",
    "plain": "Any file whose rows have `question` and `answer` (or a list, `answers`).",
}


def _reader(name: str) -> Callable[[Build], DataSet]:
    def make(_: Build) -> DataSet:
        from .formats import FORMATS  # noqa: PLC0415

        return FORMATS[name]

    return make


@hookimpl
def agentfix_register_datasets(register: Any) -> None:
    """Register the data sets."""
    for name, description in _DATASETS.items():
        register(name, _reader(name), description)
