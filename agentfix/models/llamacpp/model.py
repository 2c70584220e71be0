"""The `llamacpp` backend: a GGUF model in this process."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from agentfix.errors import BlindModelError, InputError, ModelError, ModelReplyError, ModelUnavailableError
from agentfix.models.catalog import open_catalogue
from agentfix.models.llamacpp.chat import ChatTemplate
from agentfix.models.llamacpp.toolcalls import CallReader, MalformedCall, with_ids
from agentfix.settings import Settings
from agentfix.types import Completion, Delta, Message, ModelRequest, ToolSpec

if TYPE_CHECKING:
    from agentfix.models.llamacpp.engine import Engine
    from agentfix.models.llamacpp.llama import Llama
    from agentfix.models.llamacpp.requests import Embedding, Generation, Scoring
    from agentfix.models.llamacpp.sampler import Grammar

MISSING = "llama-cpp-python is not installed, so local models can't run."
HINT = "Install it with: pip install 'agentfix[local]' (it compiles for some minutes and needs a C++ compiler)."

SCORED_CHOICES, SCORED_TOKENS = 32, 256
"""More of them would need more sequences, and room in a batch, beside those of other requests."""


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
        from agentfix.models.llamacpp.loading import take_engine  # noqa: PLC0415 - needs an optional package
        from agentfix.models.llamacpp.shared import ENGINES  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModelUnavailableError(MISSING, HINT) from error

    open_catalogue(settings).locate(name)

    def load() -> Engine:
        return take_engine(name, settings, lambda _: model.require_open())

    model = LlamaCppModel(f"llamacpp:{name}", load, ENGINES.give_back, deterministic=settings.deterministic)
    return model


class LlamaCppModel:
    """A model over an `Engine`. Requests share its batches; one that is cancelled frees its place at once.

    Args:
        name: as users write it.
        load: makes the engine; called once, in a thread.
        free: what becomes of the engine at the end.
        deterministic: compute each completion and score alone, so that the same seed gives the same bits on one build.
    """

    def __init__(self, name: str, load: Callable[[], Engine], free: Callable[[Engine], None] | None = None, *,
                 deterministic: bool = False) -> None:
        self.name = name
        self._load = load
        self._free = free
        self._deterministic = deterministic
        self._loading = threading.Condition()
        self._loaded: tuple[Engine, ChatTemplate] | None = None
        self._preparing = 0
        """How many requests are made into tokens just now, by the engine's vocabulary."""
        self._closed = False

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """See `agentfix.Model`.

        Raises:
            InputError: the JSON schema or regular expression can't be used, or a number is none.
            ModelError: it is closed, or asked for pictures, or for calls and a schema at once.
            ModelReplyError: it wrote a tool call that can't be read.
        """
        _require_counts(request)
        if any(message.images for message in request.messages):
            raise BlindModelError(f"Model {self.name!r} can't see images.",
                                  "Choose one that can: --model openai:MODEL.")
        if request.tools and (request.schema is not None or request.regex is not None):
            raise ModelError(f"Model {self.name!r} can't call tools where a schema or regex must be kept.",
                             "Ask with the tools first, and with the other when they are done.")
        loop = asyncio.get_running_loop()

        def on_text(index: int, text: str) -> None:
            if readers or on_delta is not None:
                with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                    loop.call_soon_threadsafe(hear, index, text)

        def hear(index: int, text: str) -> None:
            said = readers[index].add(text) if readers else text
            if on_delta is not None and said and not asked.future.cancelled():
                on_delta(Delta(said, index))

        engine, asked, readers = await asyncio.to_thread(self._prepare, request, on_text)
        engine.submit(asked)
        completions = await asyncio.wrap_future(asked.future)
        for index, reader in enumerate(readers):  # each has heard all of its reply
            rest = self._finish(reader, completions[index])
            if on_delta is not None and rest:
                on_delta(Delta(rest, index))
            completions[index] = _with_calls(completions[index], reader, request.messages)
        return completions

    def _finish(self, reader: CallReader, completion: Completion) -> str:
        """As a server does whose model writes a call that can't be read, it gives no reply: what was meant to be done
        is lost, and half of a call is no answer."""
        try:
            return reader.finish()
        except MalformedCall as error:
            cut = completion.finish_reason == "length"
            raise ModelReplyError(f"Model {self.name!r} wrote {error}.", "Allow it more tokens (max_tokens)." if cut
                                  else "A larger model may do better.") from error

    async def score(self, messages: Sequence[Message], choices: Sequence[str]) -> list[float]:
        """See `agentfix.Scorer`. The whole of each choice counts, not only its first token.

        Raises:
            InputError: there are no choices, an empty one, or more than can be decoded together.
            ModelError: it is closed, or llama.cpp failed.
        """
        engine, asked = await asyncio.to_thread(self._prepare_scoring, messages, choices)
        engine.submit(asked)
        scores = await asyncio.wrap_future(asked.future)
        weights = [math.exp(score - max(scores)) for score in scores]
        return [weight / sum(weights) for weight in weights]

    def _prepare_scoring(self, messages: Sequence[Message], choices: Sequence[str]) -> tuple[Engine, Scoring]:
        from agentfix.models.llamacpp.requests import Scoring  # noqa: PLC0415 - needs an optional package

        with self._in_use() as (engine, template):
            llama = engine.llama
            tokens = [llama.tokenize(choice, special=False) for choice in choices]
            if not tokens or not all(tokens) or sum(map(len, tokens)) > SCORED_TOKENS or len(tokens) > SCORED_CHOICES:
                raise InputError(
                    f"These {len(choices)} choices can't be scored.",
                    f"Give up to {SCORED_CHOICES}, none of them empty, of {SCORED_TOKENS} tokens together.")
            prompt = _tokens(llama, template, messages)
            static = _static_tokens(llama, template, ModelRequest(tuple(messages)), prompt)
            return engine, Scoring(prompt, tokens, static, self._deterministic)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Texts as vectors: the model's hidden state after the last token of each, as it is before it becomes logits.

        Raises:
            InputError: a text is empty.
            ContextOverflowError: one is too long.
            ModelError: it is closed, or llama.cpp failed.
        """
        engine, asked = await asyncio.to_thread(self._prepare_embeddings, texts)
        for each in asked:
            engine.submit(each)
        return list(await asyncio.gather(*(asyncio.wrap_future(each.future) for each in asked)))

    def _prepare_embeddings(self, texts: Sequence[str]) -> tuple[Engine, list[Embedding]]:
        from agentfix.models.llamacpp.requests import Embedding  # noqa: PLC0415 - needs an optional package

        if not all(texts):
            raise InputError("An empty text has no embedding.", "Leave it out.")
        with self._in_use() as (engine, _):
            llama = engine.llama
            return engine, [Embedding(llama.opened(llama.tokenize(text, special=False))) for text in texts]

    def _prepare(self, request: ModelRequest,
                 on_text: Callable[[int, str], None]) -> tuple[Engine, Generation, list[CallReader]]:
        from agentfix.models.llamacpp.requests import Generation  # noqa: PLC0415 - needs an optional package

        with self._in_use() as (engine, template):
            llama = engine.llama
            grammar = _grammar(llama, request)
            prompt = _tokens(llama, template, request.messages, request.tools)
            static = _static_tokens(llama, template, request, prompt)
            readers = [CallReader(template.form, request.tools) for _ in range(request.n if request.tools else 0)]
            markers = frozenset(token for marker in template.form.markers if readers
                                and len(tokens := llama.tokenize(marker, special=True)) == 1 for token in tokens)
            return engine, Generation(prompt, request.sampling, request.n, grammar, request.top_logprobs, on_text,
                                      static, self._deterministic, markers), readers

    def require_open(self) -> None:
        """Raise ModelError once it is closed. Asked again and again while it is loaded, which so ends early."""
        if self._closed:
            raise ModelError(f"Model {self.name!r} is closed.", "Make a new Agent.")

    @contextmanager
    def _in_use(self) -> Generator[tuple[Engine, ChatTemplate]]:
        """The loaded model, whose memory is not freed while this is open."""
        with self._loading:
            loaded = self._ready()
            self._preparing += 1
        try:
            yield loaded
        finally:
            with self._loading:
                self._preparing -= 1
                self._loading.notify_all()

    def _ready(self) -> tuple[Engine, ChatTemplate]:
        with self._loading:
            self._leave_ended()
            self.require_open()
            if self._loaded is None:
                self._loaded = self._load_now()
            return self._loaded

    def _load_now(self) -> tuple[Engine, ChatTemplate]:
        engine = self._load()
        llama = engine.llama
        try:
            return engine, ChatTemplate(llama.metadata("tokenizer.chat_template"), bos=llama.special_text("bos"),
                                        eos=llama.special_text("eos"))
        except ModelError:
            self._give_up(engine)
            raise

    async def aclose(self) -> None:
        """Free the model when its last request has ended; loading it ends at once. May be called twice."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._closed = True
        with self._loading:
            self._loading.wait_for(lambda: not self._preparing)
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            self._give_up(loaded[0])

    def _leave_ended(self) -> None:
        """Give up an engine that ended by itself, so that another is loaded."""
        while self._loaded is not None and self._loaded[0].ended:
            if self._preparing:
                self._loading.wait()
                continue
            (engine, _), self._loaded = self._loaded, None
            self._give_up(engine)

    def _give_up(self, engine: Engine) -> None:
        if self._free is None:
            engine.close()
        else:
            self._free(engine)


def _require_counts(request: ModelRequest) -> None:
    """A wrong number would be found where all requests are served, and end them all."""
    counts: list[tuple[str, object, int]] = [
        ("n", request.n, 1), ("top_logprobs", request.top_logprobs, 0), ("max_tokens", request.sampling.max_tokens, 0)]
    for name, value, least in counts:
        if not isinstance(value, int) or value < least:
            raise InputError(f"{name} can't be {value!r}.", f"It is a whole number, {least} or more.")


def _tokens(llama: Llama, template: ChatTemplate, messages: Sequence[Message],
            tools: Sequence[ToolSpec] = ()) -> list[int]:
    return llama.opened(template.tokens(
        messages, lambda text, special: llama.tokenize(text, special=special), tools))


def _static_tokens(llama: Llama, template: ChatTemplate, request: ModelRequest, prompt: Sequence[int]) -> int:
    """How many of the prompt's tokens come before what changes: after tools, system messages and static ones."""
    messages = request.messages
    systems = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    head = messages[:max(systems, request.static_messages)]
    if not head and not request.tools:
        return 0
    try:
        other = _tokens(llama, template, [*head, Message("user", "?")], request.tools)
    except ModelUnavailableError:  # the template does not take these messages so
        return 0
    return next((i for i, (one, another) in enumerate(zip(prompt, other, strict=False)) if one != another), 0)


def _with_calls(completion: Completion, reader: CallReader, messages: Sequence[Message]) -> Completion:
    calls = with_ids(reader.calls, messages)
    finish = "tool_calls" if calls and completion.finish_reason == "stop" else completion.finish_reason
    return replace(completion, text=reader.text, tool_calls=calls, finish_reason=finish)


def _grammar(llama: Llama, request: ModelRequest) -> Grammar | None:
    if request.schema is not None and request.regex is not None:
        raise InputError("A completion can't be held to a JSON schema and a regular expression at once.",
                         "Give one of them; a schema of a string may have a `pattern`.")
    if request.schema is not None:
        return llama.grammars.schema(request.schema)
    return None if request.regex is None else llama.grammars.regex(request.regex)
