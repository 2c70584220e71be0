"""llama.cpp's own C++ server, as xllamacpp packages it; `xllamacpp_process.py` is the program that starts it."""

from __future__ import annotations

from pathlib import Path

from tests.servers.server import MODEL, Backend, RealServer

PROGRAM = Path(__file__).with_name("xllamacpp_process.py")


def command(backend: Backend, port: int, folder: Path) -> list[str]:
    # -P: the folder of the program holds a module that is named like the package.
    return ["-P", str(PROGRAM), str(backend.model_file), MODEL, str(port)]


XLLAMACPP = RealServer("xllamacpp", "xllamacpp", "/health", command, ("xllamacpp==2026.10.11549",))
