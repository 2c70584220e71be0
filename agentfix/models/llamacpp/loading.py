"""From a model file to an engine, as the settings want it."""

from __future__ import annotations

from pathlib import Path

import llama_cpp

from agentfix.models.catalog import open_catalogue
from agentfix.models.llamacpp.engine import Engine
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.shared import ENGINES
from agentfix.models.llamacpp.store import PrefixStore, fingerprint
from agentfix.models.llamacpp.trial import try_out
from agentfix.models.llamacpp.weights import OnProgress
from agentfix.settings import Settings


def take_engine(name: str, settings: Settings, on_progress: OnProgress | None = None) -> Engine:
    """The engine of a model, loaded unless somebody in this process has it; to be given back to `ENGINES`.

    Args:
        name: of the model, which is fetched if it must be.
        settings: context, threads, GPU layers, adapters, and where prefixes are kept.
        on_progress: told how much is loaded; what it raises ends the loading.

    Raises:
        CatalogueError: it can't be fetched.
        ModelUnavailableError: it can't be loaded.
        BaseException: what `on_progress` raised.
    """
    known = open_catalogue(settings)
    path = known.resolve(name)
    if name not in known.known:  # the hash of those that are is the official one
        try_out(path, settings.data_dir / "tried")
    status = path.stat()
    key = (status.st_dev, status.st_ino, status.st_mtime_ns, settings.context_tokens, settings.gpu_layers,
           settings.threads, settings.adapters, settings.prefixes_dir, settings.prefixes_bytes)
    return ENGINES.take(key, lambda: _load(path, settings, on_progress))


def _load(path: Path, settings: Settings, on_progress: OnProgress | None) -> Engine:
    llama = Llama(path, context_tokens=settings.context_tokens, gpu_layers=settings.gpu_layers,
                  threads=settings.threads, adapters=settings.adapters, on_progress=on_progress)
    return Engine(llama, _store(path, settings))


def _store(path: Path, settings: Settings) -> PrefixStore | None:
    if not settings.prefixes_bytes:
        return None
    build: str = llama_cpp.llama_print_system_info().decode()
    # A prefix read by another build, or partly on a GPU, differs in its last bits.
    model = f"{fingerprint(path)} {llama_cpp.__version__} {build} gpu_layers={settings.gpu_layers}"
    for adapter, scale in settings.adapters:
        model += f" {fingerprint(adapter)}:{scale}"
    return PrefixStore(settings.prefixes_dir, model, settings.prefixes_bytes)
