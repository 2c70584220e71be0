"""Makes the weights of the toxicity plugin of those in the package tox-block 0.1.2 (MIT; needs h5py):

    pip download --no-deps tox-block==0.1.2
    python -m tests.bench.toxicity_weights tox_block-0.1.2-py3-none-any.whl plugins/toxicity/weights.npz

The word vectors are rounded to 5 bits, each with its own scale, and sorted by word, which packs well; everything else
is rounded to 16. Nothing of the package is run: of its pickle only plain containers are read.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHA256 = "ed3a934f77d456f5324a6ae1b55bd9a3d404f6ebdb30aedad73dea5a2f01b7ed"
WORDS = 20_000
LEVELS = 15
"""On each side of 0, of a number in a word vector. 127 make the file 0.3 MB larger and nothing better."""
WHEN = (1980, 1, 1, 0, 0, 0)
"""Stands in the file as the time at which it was made: the same weights are the same file."""
LSTM = "bidirectional/bidirectional/{}_lstm/{}:0"


class Plain:
    """Stands for every class in the pickle."""

    def __init__(self, *args: Any) -> None: ...


class Containers(pickle.Unpickler):
    """Makes no object of a class of the pickle's choice."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict") or (module, name) == ("collections", "defaultdict"):
            return super().find_class(module, name)
        return {("builtins", "int"): int}.get((module, name), Plain)


def main(wheel: Path, out: Path) -> None:
    data = wheel.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"{wheel} is another package than that of which the weights are made.")
    archive = zipfile.ZipFile(io.BytesIO(data))
    encoder = Containers(io.BytesIO(archive.read("tox_block/trained_models/encoder_0.1.2.pkl"))).load()
    index: dict[str, int] = encoder.tokenizer.word_index
    words = [""] + [word for word, number in sorted(index.items(), key=lambda item: item[1]) if number < WORDS]
    with h5py.File(io.BytesIO(archive.read("tox_block/trained_models/lstm_model_0.1.2.h5"))) as file:
        layers = file["model_weights"]
        vectors = layers["embedding/embedding/embeddings:0"][()]
        order = sorted(range(len(words)), key=lambda number: words[number])
        words, vectors = [words[number] for number in order], vectors[order]
        scale = (np.abs(vectors).max(axis=1) / LEVELS).astype(np.float16)
        arrays = {
            "words": np.frombuffer("\n".join(words).encode(), np.uint8),
            "vectors": np.asfortranarray(
                np.round(vectors / np.maximum(scale[:, None].astype(np.float32), 1e-8)).clip(-LEVELS, LEVELS)
                .astype(np.int8)),
            "scale": scale,
        }
        for way in ("forward", "backward"):
            for part in ("kernel", "recurrent_kernel", "bias"):
                arrays[f"{way}_{part}"] = layers[LSTM.format(way, part)][()].astype(np.float16)
        for layer in ("dense", "dense_1"):
            for part in ("kernel", "bias"):
                arrays[f"{layer}_{part}"] = layers[f"{layer}/{layer}/{part}:0"][()].astype(np.float16)
    write(out, arrays)


def _split(array: Any) -> Any:
    """All first bytes of the numbers, and then all second ones, which are like each other."""
    return np.asfortranarray(np.ascontiguousarray(array).view(np.uint8).reshape(*array.shape, 2))


def write(out: Path, arrays: Mapping[str, Any]) -> None:
    """As `numpy.savez_compressed`, but by LZMA, which packs them better by a tenth; `numpy.load` reads it."""
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.save(held, _split(array) if array.dtype == np.float16 else array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", WHEN), held.getvalue(), zipfile.ZIP_LZMA)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
