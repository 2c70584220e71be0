"""Greedy texts beside those of `llama_cpp.Llama`: where they part, the two likeliest tokens must be near a tie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.requests import Generation
from agentfix.models.llamacpp.scheduler import Scheduler
from tests.bench.local_engine.common import CONTEXT, Part, greedy
from tests.bench.sandbox.targets import Target

TOKENS = 48
NEAR_TIE = 0.5
"""llama.cpp's logits move so much with what shares their batch."""
PROMPTS = [f"{start} {subject}" for start in (
    "Here is a short story about", "def", "The three most important facts about", "Question: what is known about")
    for subject in ("the_sea", "lighthouses", "prime_numbers", "old maps", "sorting")]


@dataclass(frozen=True)
class Written:
    """What `Llama` wrote, and how far apart the logits of the two likeliest tokens were at each step."""

    tokens: list[int]
    gaps: list[float]


def by_llama(path: Path, prompts: list[list[int]]) -> list[Written]:
    llama: Any = llama_cpp.Llama(str(path), n_ctx=2048, logits_all=False, n_gpu_layers=-1, verbose=False)
    written = list[Written]()
    for prompt in prompts:
        llama.reset()
        fed, tokens, gaps = prompt, list[int](), list[float]()
        for _ in range(TOKENS):
            llama.eval(fed)
            logits = np.ctypeslib.as_array(llama._ctx.get_logits(), shape=(llama.n_vocab(),))
            second, first = np.argpartition(logits, -2)[-2:]
            first, second = sorted((int(first), int(second)), key=lambda token: -logits[token])
            if llama_cpp.llama_vocab_is_eog(llama._model.vocab, first):
                break
            tokens.append(first)
            gaps.append(float(logits[first] - logits[second]))
            fed = [first]
        written.append(Written(tokens, gaps))
    llama.close()
    return written


def by_us(llama: Llama, prompts: list[list[int]]) -> list[list[str]]:
    """The pieces that we write, all prompts together, so that batches are as mixed as they can be."""
    scheduler = Scheduler(llama)
    made = [Generation(prompt, greedy(TOKENS), top_logprobs=1) for prompt in prompts]
    for asked in made:
        scheduler.add(asked)
    while not scheduler.idle:
        scheduler.step()
    return [[each.token for each in asked.future.result(0)[0].logprobs] for asked in made]


def measure(path: Path) -> Part:
    llama = Llama(path, context_tokens=CONTEXT)
    prompts = [llama.opened(llama.tokenize(prompt, special=False)) for prompt in PROMPTS]
    ours = by_us(llama, prompts)
    same, ties, largest = 0, 0, 0.0
    for written, pieces in zip(by_llama(path, prompts), ours, strict=True):
        theirs = [llama.piece(token).decode("utf-8", "replace") for token in written.tokens]
        parted = next((i for i, (one, other) in enumerate(zip(theirs, pieces, strict=False)) if one != other), None)
        if parted is None:
            same += theirs == pieces
            continue
        ties += written.gaps[parted] <= NEAR_TIE
        largest = max(largest, written.gaps[parted])
    llama.close()
    return Part({f"greedy beside Llama, {path.stem}": {
        "prompts": len(prompts), "the same": same, "part at a near tie": ties,
        "widest gap between the two likeliest where they part": largest}},
        [Target(f"greedy as Llama writes, or parted at a near tie: {path.stem}", float(same + ties), "at least",
                len(prompts), "prompts")])
