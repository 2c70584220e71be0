"""What clients may ask of chat completions, and beyond OpenAI's fields under `agentfix`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AT_ONCE: Any = Field(fail_fast=True)
"""Of a list: what is wrong first is told, and nothing more is looked for."""
MOST_MESSAGES, MOST_STOPS = 10_000, 64
MOST_CHECKS, MOST_CONTEXT = 100_000, 2_000_000
"""Characters."""
Role = Literal["system", "developer", "user", "assistant", "tool"]


class Form(BaseModel):
    """A part of a request. Fields that are not known here are kept, to be named in the answer."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class TextPart(Form):
    type: Literal["text", "input_text", "output_text"]
    text: str


class ImageUrl(Form):
    url: str


class ImagePart(Form):
    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class CalledFunction(Form):
    name: str = Field(min_length=1)
    arguments: str


class Call(Form):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Form):
    role: Role
    content: str | Annotated[list[Part], AT_ONCE] | None = None
    tool_calls: Annotated[list[Call], AT_ONCE] | None = None
    tool_call_id: str | None = None


class Function(Form):
    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    """A call whose arguments do not fit is none."""


class ClientTool(Form):
    type: Literal["function"]
    function: Function


class StreamOptions(Form):
    include_usage: bool | None = None


class JsonSchema(Form):
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None
    """An answer that does not fit is none."""


class ResponseFormat(Form):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Tuning(BaseModel):
    """How this one request is answered. Limits may be lower than the server's own, never higher."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: str = Field(default="auto", max_length=200)
    """The sort of task."""
    require: Literal["opinion", "agreement", "retrieval", "measurement", "person", "contract"] | None = None
    """The evidence class from which an answer counts as supported."""
    checks: str | None = Field(default=None, max_length=MOST_CHECKS)
    """The caller's own checks, in Python: see `agentfix.checks_in`."""
    context: str = Field(default="", max_length=MOST_CONTEXT)
    """Material that belongs to the question: data, never instructions."""
    max_rounds: int | None = Field(default=None, ge=0)
    max_model_calls: int | None = Field(default=None, ge=0)
    max_tool_calls: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)


Stop = Annotated[str, Field(min_length=1)]


class ChatRequest(Form):
    """The body of `POST /v1/chat/completions`."""

    model: str = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES, fail_fast=True)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=128)
    tools: Annotated[list[ClientTool], AT_ONCE] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: ResponseFormat | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=-2**63, lt=2**63)
    stop: Stop | Annotated[list[Stop], AT_ONCE, Field(max_length=MOST_STOPS)] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    agentfix: Tuning = Tuning()

    @property
    def is_direct(self) -> bool:
        """Whether the client has tools of its own: then the model is asked directly, and its calls are handed on."""
        return bool(self.tools) or any(message.role == "tool" or message.tool_calls for message in self.messages)

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts before which the answer ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def unknown(self) -> Mapping[str, Any]:
        """Fields that are not known here."""
        return self.model_extra or {}
