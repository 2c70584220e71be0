"""The servers that the loop is driven through, with room and slots for all problems at once."""

from __future__ import annotations

import os
from pathlib import Path

from tests.bench.local_engine.common import CONTEXT
from tests.servers.server import MODEL, Backend, RealServer
from tests.servers.xllamacpp import PROGRAM, XLLAMACPP

SLOTS = 10


def _llama_cpp_python(backend: Backend, port: int, folder: Path) -> list[str]:
    return ["-m", "llama_cpp.server", "--model", str(backend.model_file), "--model_alias", MODEL, "--host", "127.0.0.1",
            "--port", str(port), "--n_ctx", str(CONTEXT), "--n_gpu_layers", "-1", "--cache", "true"]


def _xllamacpp(backend: Backend, port: int, folder: Path) -> list[str]:
    room = [str(CONTEXT * 2), str(SLOTS), str(os.cpu_count() or 1)]
    return ["-P", str(PROGRAM), str(backend.model_file), MODEL, str(port), *room]


SERVERS = (
    RealServer("llama-cpp-python server", "llama_cpp.server.app", "/v1/models", _llama_cpp_python),
    RealServer(XLLAMACPP.name, XLLAMACPP.module, XLLAMACPP.health, _xllamacpp, XLLAMACPP.requirements),
)
