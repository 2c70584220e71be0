"""The scorer `lstm`: a small recurrent network, computed here with numpy alone.

The weights are those of the package tox-block 0.1.2 (Pascal Bliem, MIT; trained on the Jigsaw comments of Wikipedia,
CC0, over GloVe vectors), rounded by tests/bench/toxicity_weights.py.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentfix import ToolContext, ToolError

from .scorers import Needs, Scores, windows, worst

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_WEIGHTS = Path(__file__).with_name("weights.npz")
_ATTRIBUTES = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
_SEPARATORS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))
"""As the network was trained."""
_STEPS = 100
"""So many words the network takes; a shorter text is filled up."""
_BATCH = 64


@dataclass(eq=False)
class LstmScorer:
    """See the module."""

    name: str = "lstm"
    needs: Needs = Needs()
    _network: Network | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    async def score(self, texts: Sequence[str], context: ToolContext | None = None) -> list[Scores]:
        """See `ToxicityScorer`."""
        if importlib.util.find_spec("numpy") is None:
            raise ToolError("The toxicity scorer 'lstm' needs numpy: pip install 'agentfix[toxicity]'",
                            status="unavailable")
        return await asyncio.to_thread(self._scored, texts)

    def _scored(self, texts: Sequence[str]) -> list[Scores]:
        with self._lock:
            if self._network is None:
                self._network = Network()
        network = self._network
        pieces = [windows([word for word in _words(text) if word in network.index]) for text in texts]
        flat = [piece for each in pieces for piece in each]
        rows = [row for start in range(0, len(flat), _BATCH) for row in network.run(flat[start:start + _BATCH])]
        scored = iter(Scores(row[0], dict(zip(_ATTRIBUTES[1:], row[1:], strict=True))) for row in rows)
        return [worst([next(scored) for _ in each]) for each in pieces]


class Network:
    """Word vectors, a layer of LSTM in both directions, the highest value of each of its outputs, two dense layers."""

    def __init__(self) -> None:
        import numpy  # noqa: PLC0415 - an optional package

        self._np: Any = numpy
        with numpy.load(_WEIGHTS, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        words = bytes(stored.pop("words")).decode().split("\n")
        self.index = {word: number for number, word in enumerate(words) if word}
        vectors = stored.pop("vectors").astype("f4")
        halves = {name: numpy.ascontiguousarray(split).view("f2")[..., 0] for name, split in stored.items()}
        self._vectors: Array = vectors * halves.pop("scale").astype("f4")[:, None]
        self._weights: dict[str, Array] = {name: array.astype("f4") for name, array in halves.items()}

    def run(self, texts: Sequence[Sequence[str]]) -> list[list[float]]:
        """The six scores of each text, given as known words, at most 100."""
        np, weights = self._np, self._weights
        numbers = np.zeros((len(texts), _STEPS), int)
        for row, words in enumerate(texts):
            if words:
                numbers[row, -len(words):] = [self.index[word] for word in words]
        inputs = self._vectors[numbers]
        highest = np.concatenate([self._lstm(inputs, "forward"), self._lstm(inputs[:, ::-1], "backward")], axis=1)
        hidden = np.maximum(highest @ weights["dense_kernel"] + weights["dense_bias"], 0)
        out = 1 / (1 + np.exp(-(hidden @ weights["dense_1_kernel"] + weights["dense_1_bias"])))
        return [[round(float(value), 6) for value in row] for row in out]

    def _lstm(self, inputs: Array, way: str) -> Array:
        """The highest value of each output over all steps."""
        np = self._np
        kernel, recurrent, bias = (self._weights[f"{way}_{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
        states: Array = inputs @ kernel + bias
        output = cell = np.zeros((len(inputs), recurrent.shape[0]), "f4")
        highest = np.full_like(output, -1)
        for step in range(inputs.shape[1]):
            gates = states[:, step] + output @ recurrent
            take, keep, new, show = np.split(gates, 4, axis=1)
            take, keep, show = (np.clip(0.2 * gate + 0.5, 0, 1) for gate in (take, keep, show))
            cell = keep * cell + take * np.tanh(new)
            output = show * np.tanh(cell)
            highest = np.maximum(highest, output)
        return highest


def _words(text: str) -> list[str]:
    return text.lower().translate(_SEPARATORS).split()
