"""Measures what a loaded model needs, and what memory there is for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llama_cpp

from agentfix.models.llamacpp.devices import devices
from agentfix.models.llamacpp.host import free_memory
from agentfix.models.llamacpp.room import STEP_TOKENS, Needs, Place

NUMBER_BYTES = 2
"""Keys and values are kept as 16-bit numbers."""


def needs_of(model: Any, metadata: Callable[[str], str | None], *, in_parts: bool) -> Needs | None:
    """What the cache takes for a token and for a sequence.

    Args:
        model: a loaded one.
        metadata: reads its header.
        in_parts: its cache has nothing that belongs to a sequence as a whole.

    Returns:
        None when the model can't continue a text.
    """
    plain = _told_by(metadata, int(llama_cpp.llama_model_n_layer(model))) if in_parts else None
    return measured(model, in_parts=in_parts) if plain is None else Needs(_trained(model), plain)


def _told_by(metadata: Callable[[str], str | None], layers: int) -> int | None:
    """The bytes of a token's keys and values in all layers; None where layers differ, or the header does not say."""
    kind = metadata("general.architecture")

    def number(key: str) -> int | None:
        value = metadata(f"{kind}.{key}")
        return int(value) if value is not None and value.isdecimal() else None

    heads, embedding = number("attention.head_count"), number("embedding_length")
    shared = number("attention.head_count_kv")
    if not heads or not embedding or not shared:
        return None
    key, value = (number(f"attention.{what}_length") or embedding // heads for what in ("key", "value"))
    return layers * shared * (key + value) * NUMBER_BYTES


def measured(model: Any, *, in_parts: bool) -> Needs | None:
    """The same for any model: two tokens are decoded in a small context, and the state that would be saved of them
    tells. Takes as long as it takes a thread.
    """
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = STEP_TOKENS, 1, 1, 1
    params.n_threads = params.n_threads_batch = 1  # others wait for the slowest, who may have other work
    context: Any = llama_cpp.llama_init_from_model(model, params)
    if not context:
        return None
    sizes: list[int] = []
    batch: Any = llama_cpp.llama_batch_init(1, 0, 1)
    try:
        for position in range(2):
            batch.n_tokens, batch.token[0], batch.pos[0] = 1, 0, position
            batch.n_seq_id[0], batch.seq_id[0][0], batch.logits[0] = 1, 0, False
            if not llama_cpp.llama_get_memory(context) or llama_cpp.llama_decode(context, batch) != 0:
                return None
            sequence: Any = 0
            sizes.append(int(llama_cpp.llama_state_seq_get_size(context, sequence)))
    finally:
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
    token_bytes = sizes[1] - sizes[0]
    return Needs(_trained(model), token_bytes, 0 if in_parts else max(0, sizes[0] - token_bytes))


def _trained(model: Any) -> int:
    return int(llama_cpp.llama_model_n_ctx_train(model))


def layers_of(model: Any, gpu_layers: int) -> tuple[int, int]:
    """How many layers a model has, and how many of them a GPU computes when so many are asked for; -1 for all."""
    layers = max(1, int(llama_cpp.llama_model_n_layer(model)))
    if not llama_cpp.llama_supports_gpu_offload() or not any(each.kind == "gpu" for each in devices()):
        return layers, 0
    return layers, layers if gpu_layers < 0 else min(gpu_layers, layers)


def reads_fast(layers: int, layers_on_gpu: int) -> bool:
    """Whether the model reads a prompt again sooner than what it remembers of it comes from a disk.

    Measured on an H200 with a model of 1.5 billion weights: 1,800 tokens were read in 0.15 s and loaded in 0.23 s.
    """
    return layers_on_gpu >= layers and any(each.kind == "gpu" and not each.integrated for each in devices())


def places_for(model: Any, on_gpu: float) -> tuple[Place, ...]:
    """The memory that is free for the cache of a loaded model.

    Args:
        model: its weights are in the GPUs' memory already; the host reads them from the file when they are used.
        on_gpu: the part of its layers that GPUs compute.
    """
    here = devices()
    found: list[Place] = []
    if on_gpu > 0:
        found.append(Place(sum(each.free_bytes for each in here if each.kind == "gpu"), on_gpu, gpu=True))
    host = free_memory()
    if host is None:  # what ggml says is all that there is, on most systems
        host = sum(each.free_bytes for each in here if each.kind == "cpu") // 2 or None
    if host is not None and on_gpu < 1:
        weights = int(llama_cpp.llama_model_size(model) * (1 - on_gpu))
        found.append(Place(max(0, host - weights), 1 - on_gpu))
    return tuple(found)
