"""Which models are of one family. A judge favours what its own family wrote, and more so where one was trained on what
the other said (Li et al., "Preference Leakage", 2025; Panickssery et al., "LLM Evaluators Recognize and Favor Their Own
Generations", NeurIPS 2024).
"""

from __future__ import annotations

import re

_SCHEMES = re.compile(r"^[a-z][a-z0-9_]*:(?:ft:)?(?=[a-z])")
"""What stands before a model's own name: who serves it, and that it was tuned (`ft:gpt-4o-mini:us:one:x1`)."""
_GGUF = re.compile(r"^(?P<repository>[^:]+/[^:]+):(?P<file>.+\.gguf)$")
_WORD = re.compile(r"[a-z]+")
_SAME = {"chatgpt": "gpt", "o": "gpt", "codellama": "llama", "codegemma": "gemma", "mixtral": "mistral",
         "codestral": "mistral", "ministral": "mistral", "magistral": "mistral", "devstral": "mistral", "qwq": "qwen"}
"""Families whose models go by several names."""


def family(model: str) -> str:
    """The family of a model, in a word; empty when its name holds none.

    Args:
        model: its name as attempts carry it, such as `llamacpp:qwen2.5-coder-1.5b`, `openai:gpt-4.1-mini` or
            `openai:meta-llama/Llama-3.1-8B`.
    """
    name = _SCHEMES.sub("", model.casefold())
    if (found := _GGUF.match(name)) is not None:
        name = found["file"]
    word = _WORD.search(name.rpartition("/")[2])
    return "" if word is None else _SAME.get(word.group(), word.group())


def same_family(a: str, b: str) -> bool:
    """Whether two models are one, or of one family as far as their names tell.

    Args:
        a: a model's name.
        b: another's.
    """
    return a == b or (family(a) == family(b) != "")
