"""Where a process spends its time: samples by the processor's clock, told by the package whose code was at work.

A sample belongs to the innermost frame of a package that is named here; what the standard library, pydantic or C code
does counts for whoever called it. The work of threads is counted where the main thread waits.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

EVERY_S = 0.002
OTHER = "event loop"
GROUPS = (
    ("journal", ("/agentfix/journal/",)),
    ("SDK and HTTP", ("/openai/", "/httpx/", "/httpx2/", "/httpcore/", "/httpcore2/", "/h11/", "/anyio/")),
    ("LangGraph", ("/langgraph/", "/langchain_core/", "/langsmith/")),
    ("agentfix itself", ("/agentfix/", "/agentfix_plugins/", "/plugins/")),
)
_WAITS = ("selectors.py", "threading.py", "queue.py")


@contextmanager
def sampled() -> Generator[Counter[str]]:
    """Count samples of this process, while in the block. Must be entered in the main thread."""
    counted: Counter[str] = Counter()

    def sample(_: int, frame: FrameType | None) -> None:
        if frame is not None and _is_waiting(frame):
            others = [each for each in sys._current_frames().values() if not _is_waiting(each)]
            frame = others[0] if others else frame
        counted[_group_of(frame)] += 1

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        yield counted
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _is_waiting(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(_WAITS)


def _group_of(frame: FrameType | None) -> str:
    while frame is not None:
        for name, folders in GROUPS:
            if any(folder in frame.f_code.co_filename for folder in folders):
                return name
        frame = frame.f_back
    return OTHER
