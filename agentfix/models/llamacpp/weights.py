"""Loads what a model has learnt: its file, and adapters to it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import llama_cpp

from agentfix.errors import ModelUnavailableError
from agentfix.models.llamacpp.log import complaints

OnProgress: TypeAlias = Callable[[float], None]
"""Told how much of a model is loaded, from 0 to 1. What it raises ends the loading."""
Adapter: TypeAlias = tuple[Path, float]
"""A file, and how strongly it counts."""


def load_model(path: Path, gpu_layers: int, on_progress: OnProgress | None) -> Any:
    """Load a model; to be freed by `llama_model_free`, its adapters with it.

    Args:
        path: the GGUF file.
        gpu_layers: layers put on a GPU; -1 for all.
        on_progress: told how far it is.

    Raises:
        ModelUnavailableError: it can't be loaded, or does not continue texts.
        BaseException: what `on_progress` raised.
    """
    raised: list[BaseException] = []

    @llama_cpp.llama_progress_callback
    def advance(done: float, _data: ctypes.c_void_p) -> bool:
        try:
            if on_progress is not None:
                on_progress(done)
        except BaseException as error:  # noqa: BLE001 - nothing may pass through C; it is raised again below
            raised.append(error)
        return not raised

    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 2**31 - 1 if gpu_layers < 0 else gpu_layers
    params.progress_callback = advance
    with complaints() as said:
        model: Any = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    if raised:
        if model:
            llama_cpp.llama_model_free(model)
        raise raised[0]
    if not model:
        raise ModelUnavailableError(
            f"llama.cpp can't load {str(path)!r}: the file is corrupt, truncated or of an unknown kind{_why(said)}.",
            "Delete it and pull it again, or choose another with --model.",
        )
    if llama_cpp.llama_model_has_encoder(model) or llama_cpp.llama_model_is_diffusion(model):
        llama_cpp.llama_model_free(model)
        raise cannot_write(path)
    return model


def cannot_write(path: Path) -> ModelUnavailableError:
    """What is said of models for other purposes, such as embeddings."""
    return ModelUnavailableError(f"The model in {str(path)!r} can't continue a text.", "Choose another with --model.")


def use_adapters(model: Any, context: Any, adapters: Sequence[Adapter]) -> None:
    """Let a context compute with LoRA adapters.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (ICLR 2022), section 4.1: to each weight W that an
    adapter has matrices for, B A alpha / rank is added.

    Raises:
        ModelUnavailableError: a file is missing, no adapter, or one of another model.
    """
    if not adapters:
        return
    loaded: list[Any] = []
    for path, _ in adapters:
        if not path.is_file():
            raise ModelUnavailableError(f"There is no LoRA adapter {str(path)!r}.", "Mend the setting `lora`.")
        with complaints() as said:
            adapter: Any = llama_cpp.llama_adapter_lora_init(model, os.fsencode(path))
        if not adapter:
            raise ModelUnavailableError(
                f"llama.cpp can't use the LoRA adapter {str(path)!r}: the file is corrupt, or made for another "
                f"model{_why(said)}.", "Leave it out of the setting `lora`, or choose the model it was made for.")
        loaded.append(adapter)
    pointers = (llama_cpp.llama_adapter_lora_p_ctypes * len(loaded))(*loaded)
    scales = (ctypes.c_float * len(loaded))(*(scale for _, scale in adapters))
    if llama_cpp.llama_set_adapters_lora(context, pointers, len(loaded), scales) != 0:
        raise ModelUnavailableError("llama.cpp can't use these LoRA adapters together.", "Use one of them.")


def _why(said: Sequence[str]) -> str:
    """The first complaint, which the others follow from, without the function's name and the hint around it."""
    return f" ({said[0].partition(': ')[2].partition(' (hint')[0].rstrip('.')})" if said else ""
