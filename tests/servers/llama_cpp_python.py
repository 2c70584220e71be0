"""The server of llama-cpp-python: Python over llama.cpp. It lives in our own environment (extras `local` and `dev`)."""

from __future__ import annotations

from pathlib import Path

from tests.servers.server import MODEL, Backend, RealServer


def command(backend: Backend, port: int, folder: Path) -> list[str]:
    return ["-m", "llama_cpp.server", "--model", str(backend.model_file), "--model_alias", MODEL, "--host", "127.0.0.1",
            "--port", str(port), "--n_ctx", "2048", "--n_threads", "1", "--n_threads_batch", "1"]


LLAMA_CPP_PYTHON = RealServer("llama-cpp-python", "llama_cpp.server.app", "/v1/models", command)
