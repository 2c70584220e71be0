"""What each server does with what can be asked, and what comes of it through our `openai` backend.

The tests compare every word of it with what they observe. The first column is the server's own (`probes.py` has the
words), the second ours (`outcomes.py`).
"""

from __future__ import annotations

SEEN = ("native", "answered")

TABLE: dict[str, dict[str, tuple[str, str]]] = {
    "llama-cpp-python": {
        "chat": SEEN,
        "stream": SEEN,
        "usage of a stream": ("ignored", "estimated"),
        "n": ("ignored", "3 answers by 3 calls"),
        "json schema": ("refused 500", "kept, by 2 calls"),
        "tools": ("ignored", "answered"),
        "log-probabilities": SEEN,
        "images": ("refused 500", "BlindModelError: can't see images"),
        "an unknown model": ("ignored", "answered"),
        "too long a prompt": ("refused 400", "ContextOverflowError"),
        "too long a prompt, streamed": ("an empty stream", "ContextOverflowError"),
    },
    "xllamacpp": {
        "chat": SEEN,
        "stream": SEEN,
        "usage of a stream": ("native", "counted"),
        "n": ("refused 400", "3 answers by 4 calls"),
        "json schema": ("native", "kept, by 1 call"),
        "tools": ("ignored", "answered"),
        "log-probabilities": SEEN,
        "images": ("refused 500", "BlindModelError: can't see images"),
        "an unknown model": ("ignored", "answered"),
        "too long a prompt": ("refused 400", "ContextOverflowError"),
        "too long a prompt, streamed": ("refused 400", "ContextOverflowError"),
    },
    "litellm": {
        "chat": SEEN,
        "stream": SEEN,
        "usage of a stream": ("native", "counted"),
        "n": ("refused 400", "3 answers by 4 calls"),
        "json schema": ("native", "kept, by 1 call"),
        "tools": ("ignored", "answered"),
        "log-probabilities": SEEN,
        "images": ("refused 500", "BlindModelError: can't see images"),
        "an unknown model": ("refused 400", "ModelUnavailableError"),
        "too long a prompt": ("refused 400", "ContextOverflowError"),
        "too long a prompt, streamed": ("refused 400", "ContextOverflowError"),
    },
}
"""By server, then by what is asked."""
