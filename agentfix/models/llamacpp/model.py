"""The `llamacpp` backend: a GGUF model in this process, owned by one thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentfix.errors import ModelError, ModelUnavailableError
from agentfix.models.catalog import open_catalogue
from agentfix.models.llamacpp.chat import ChatTemplate
from agentfix.settings import Settings
from agentfix.types import Completion, Delta, ModelRequest

if TYPE_CHECKING:
    from agentfix.models.llamacpp.engine import Engine

MISSING = "llama-cpp-python is not installed, so local models can't run."
HINT = "Install it with: pip install 'agentfix[local]' (it compiles for some minutes and needs a C++ compiler)."


def open_model(name: str, settings: Settings) -> LlamaCppModel:
    """Make the model of that name; it is loaded by its first request.

    Args:
        name: a catalogue name, `OWNER/REPO:FILE.gguf` or a path.
        settings: context, threads and GPU layers.

    Raises:
        UnknownNameError: there is no such model.
        ModelUnavailableError: llama-cpp-python or a local file is missing.
    """
    try:
        from agentfix.models.llamacpp.engine import Engine  # noqa: PLC0415 - needs an optional package
    except ModuleNotFoundError as error:
        raise ModelUnavailableError(MISSING, HINT) from error

    known = open_catalogue(settings)
    known.locate(name)

    def load() -> Engine:
        path: Path = known.resolve(name)
        return Engine(path, context_tokens=settings.context_tokens, gpu_layers=settings.gpu_layers,
                      threads=settings.threads)

    return LlamaCppModel(f"llamacpp:{name}", load)


class LlamaCppModel:
    """A model over an `Engine`. Requests wait for their turn; one being cancelled ends at its next token.

    Args:
        name: as users write it.
        load: makes the engine; called once, in the model's thread.
    """

    def __init__(self, name: str, load: Callable[[], Engine]) -> None:
        self.name = name
        self._load = load
        self._engine: Engine | None = None
        self._template: ChatTemplate | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="llamacpp")

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """See `agentfix.Model`.

        Raises:
            ModelError: it is closed, or asked for pictures or tools, which this backend does not offer.
        """
        if any(message.images for message in request.messages):
            raise ModelError(f"Model {self.name!r} can't see images.", "Choose one that can: --model openai:MODEL.")
        if request.tools:
            raise ModelError(f"Model {self.name!r} is not offered tools by this backend.",
                             "Choose one that can call them: --model openai:MODEL.")
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()

        def on_text(index: int, text: str) -> None:
            if on_delta is not None and not cancelled.is_set():
                loop.call_soon_threadsafe(on_delta, Delta(text, index))

        try:
            work = loop.run_in_executor(self._thread, self._generate, request, on_text, cancelled)
        except RuntimeError as error:
            raise ModelError(f"Model {self.name!r} is closed.", "Make a new Agent.") from error
        try:
            return await work
        finally:
            cancelled.set()

    def _generate(self, request: ModelRequest, on_text: Callable[[int, str], None],
                  cancelled: threading.Event) -> list[Completion]:
        if cancelled.is_set():
            return []
        engine, template = self._ready()
        grammar = None if request.schema is None else _grammar(request.schema)
        prompt = engine.opened(
            template.tokens(request.messages, lambda text, special: engine.tokenize(text, special=special)))
        return engine.generate(prompt, request.sampling, n=request.n, grammar=grammar,
                               top_logprobs=request.top_logprobs, on_text=on_text, cancelled=cancelled.is_set)

    def _ready(self) -> tuple[Engine, ChatTemplate]:
        if self._engine is None:
            self._engine = self._load()
        if self._template is None:
            engine = self._engine
            self._template = ChatTemplate(engine.metadata("tokenizer.chat_template"), bos=engine.special_text("bos"),
                                          eos=engine.special_text("eos"))
        return self._engine, self._template

    async def aclose(self) -> None:
        """Free the model when its last request has ended. May be called twice."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _grammar(schema: Any) -> str:
    """A JSON schema as a GBNF grammar."""
    from llama_cpp.llama_grammar import json_schema_to_gbnf  # noqa: PLC0415 - needs an optional package

    try:
        return json_schema_to_gbnf(json.dumps(schema))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise ModelError(f"The JSON schema can't be made into a grammar: {error}.", "Use a simpler schema.") from error
