"""The small model that these tests generate with, where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentfix.models.catalog import open_catalogue
from agentfix.settings import load_settings

SMALL = "smollm2-135m"


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The file of the small model; what needs it is skipped where it, or llama.cpp, is missing."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                        exc_type=ImportError)
    path = open_catalogue(load_settings()).locate(SMALL)
    if path is None:
        pytest.skip(f"the model is not on disk; fetch it with: agentfix models pull {SMALL}")
    return path


@pytest.fixture(scope="session")
def vocabulary(model_file: Path) -> Iterator[Any]:
    """The small model's vocabulary, without its weights."""
    import llama_cpp

    from agentfix.models.llamacpp.log import silence
    from agentfix.models.llamacpp.vocabulary import Vocabulary

    silence()
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(str(model_file).encode(), params)
    yield Vocabulary(llama_cpp.llama_model_get_vocab(model))
    llama_cpp.llama_model_free(model)


@pytest.fixture(scope="session")
def pieces(vocabulary: Any) -> list[bytes]:
    """What each token of it writes."""
    return vocabulary.pieces()


@pytest.fixture
def engine_of(model_file: Path) -> Iterator[Callable[..., Any]]:
    """Makes engines and closes them."""
    from agentfix.models.llamacpp.engine import Engine
    from agentfix.models.llamacpp.llama import Llama

    made: list[Engine] = []

    def make(context_tokens: int = 2048) -> Engine:
        made.append(Engine(Llama(model_file, context_tokens=context_tokens, threads=1)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
async def model(engine_of: Callable[..., Any]) -> AsyncIterator[Any]:
    """The small model behind the protocol."""
    from agentfix.models.llamacpp.model import LlamaCppModel

    model = LlamaCppModel("llamacpp:small", engine_of)
    yield model
    await model.aclose()


@pytest.fixture(params=["control", "user-defined"])
def tagged_model_file(model_file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The small model with a token for `<tool_call>`, of either sort that vocabularies have for it."""
    data = bytearray(model_file.read_bytes())
    name = data.index(b"<repo_name>")  # token 3, as long as the other
    data[name:name + 11] = b"<tool_call>"
    if request.param == "user-defined":
        key = b"tokenizer.ggml.token_type"
        types = data.index(key) + len(key) + 4 + 4 + 8  # an array of 32-bit integers, its length in 64 bits
        data[types + 3 * 4] = 4
    file = tmp_path / "tagged.gguf"
    file.write_bytes(data)
    return file
