"""Loads the local model that would answer, in another process, and tells what it got."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agentfix.doctor.finding import Finding
from agentfix.errors import AgentFixError
from agentfix.settings import LOCAL, Settings, split_model

NAME = "loading"
TIMEOUT_S = 80.0
_LOAD = """
import json, sys, time
from pathlib import Path
from agentfix.errors import AgentFixError
from agentfix.models.llamacpp.llama import Llama
from agentfix.settings import Settings
settings, began = Settings(**json.loads(sys.argv[2])), time.monotonic()
try:
    llama = Llama(Path(sys.argv[1]), context_tokens=settings.context_tokens, gpu_layers=settings.gpu_layers,
                  threads=settings.threads, adapters=settings.adapters)
except AgentFixError as error:
    print(json.dumps({"error": error.message, "hint": error.hint}))
else:
    room = llama.room
    print(json.dumps({"seconds": time.monotonic() - began, "tokens": room.context_tokens, "reason": room.reason,
                      "bytes": room.cache_bytes, "threads": llama.threads, "layers": llama.layers,
                      "on_gpu": llama.layers_on_gpu}))
"""
_SETTINGS = {"context_tokens", "gpu_layers", "threads", "lora"}


def check_loading(settings: Settings) -> tuple[Finding, ...]:
    """What a model on disk gets of this machine. Nothing where there is none, or no llama-cpp-python, which is told of
    elsewhere.
    """
    from agentfix.models.catalog import open_catalogue  # noqa: PLC0415 - needs an HTTP client

    backend, name = split_model(settings.model)
    if backend != LOCAL or find_spec("llama_cpp") is None:
        return ()
    try:
        path = open_catalogue(settings).locate(name)
    except AgentFixError:
        return ()
    return (_load(path, settings),) if path is not None else ()


def _load(path: Path, settings: Settings) -> Finding:
    given = json.dumps(settings.model_dump(mode="json", include=_SETTINGS))
    try:
        done = subprocess.run([sys.executable, "-P", "-c", _LOAD, str(path), given], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(NAME, "broken", f"{path} was not loaded within {TIMEOUT_S:g} s",
                       "Set a smaller model, or try once more: the second time it may be in memory.")
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Finding(NAME, "broken", f"{path}: llama.cpp crashes on it (status {done.returncode})",
                       "Fetch it again, or set another model.")
    if "error" in told:
        return Finding(NAME, "broken", told["error"], told["hint"])
    cache = f" ({told['bytes'] / 1e6:,.0f} MB)" if told["bytes"] else ""
    return Finding(NAME, "ok", f"takes {told['seconds']:.1f} s; context {told['tokens']:,} tokens{cache}: "
                   f"{told['reason']}; {told['on_gpu']} of {told['layers']} layers on a GPU; "
                   f"{told['threads']} CPU threads")
