"""From a model file to an engine, as the settings want it."""

from __future__ import annotations

from pathlib import Path

import llama_cpp

from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.store import PrefixStore, fingerprint
from agentfix.settings import Settings


def load_engine(path: Path, settings: Settings) -> Engine:
    """Load a model.

    Args:
        path: the GGUF file.
        settings: context, threads, GPU layers, and where prefixes are kept.

    Raises:
        ModelUnavailableError: it can't be loaded.
    """
    llama = Llama(path, context_tokens=settings.context_tokens, gpu_layers=settings.gpu_layers,
                  threads=settings.threads)
    return Engine(llama, _store(path, settings))


def _store(path: Path, settings: Settings) -> PrefixStore | None:
    if not settings.prefixes_bytes:
        return None
    build: str = llama_cpp.llama_print_system_info().decode()
    # A prefix read by another build, or partly on a GPU, differs in its last bits.
    model = f"{fingerprint(path)} {llama_cpp.__version__} {build} gpu_layers={settings.gpu_layers}"
    return PrefixStore(settings.prefixes_dir, model, settings.prefixes_bytes)
