"""What clients may ask of the Responses API, turned into what they may ask of chat completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from agentfix.server.asked import (
    AT_ONCE,
    MOST_MESSAGES,
    Call,
    CalledFunction,
    ChatMessage,
    ChatRequest,
    ClientTool,
    Form,
    Function,
    ImagePart,
    ImageUrl,
    JsonSchema,
    ResponseFormat,
    TextPart,
    Tuning,
)
from agentfix.server.failures import wrong


class RefusalPart(Form):
    type: Literal["refusal"]
    refusal: str


class InputImage(Form):
    type: Literal["input_image"]
    image_url: str


Content = Annotated[TextPart | InputImage | RefusalPart, Field(discriminator="type")]


class InputItem(Form):
    """A message, a call of a function, what came of one, or reasoning."""

    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | Annotated[list[Content], AT_ONCE] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str | Annotated[list[Content], AT_ONCE] = ""


class FunctionTool(Function):
    type: Literal["function"]


class TextForm(Form):
    type: Literal["text", "json_object", "json_schema"]
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextOptions(Form):
    format: TextForm | None = None


class ResponsesRequest(Form):
    """The body of `POST /v1/responses`."""

    model: str = Field(max_length=500)
    input: str | Annotated[list[InputItem], AT_ONCE, Field(max_length=MOST_MESSAGES)]
    instructions: str | None = None
    stream: bool | None = None
    tools: Annotated[list[FunctionTool], AT_ONCE] | None = None
    tool_choice: str | dict[str, Any] | None = None
    text: TextOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    previous_response_id: str | None = Field(default=None, max_length=500)
    store: bool | None = None
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = Field(
        default=None, max_length=16)
    conversation: Any = None
    background: bool | None = None
    agentfix: Tuning = Tuning()

    @property
    def unknown(self) -> Mapping[str, Any]:
        """Fields that are not known here."""
        return self.model_extra or {}

    def said(self) -> list[ChatMessage]:
        """The input, as messages.

        Raises:
            Refusal: it is none.
        """
        messages = [ChatMessage(role="user", content=self.input)] if isinstance(self.input, str) else _messages(
            self.input)
        if not messages:
            raise wrong("input", "The input is empty.")
        return messages

    def as_chat(self, before: Sequence[ChatMessage]) -> ChatRequest:
        """The same, as chat completions have it.

        Args:
            before: what was said up to the response that it goes on from.

        Raises:
            Refusal: it asks for what there is not here, or holds nothing.
        """
        for name, instead in (("conversation", "Go on with previous_response_id"), ("background", "Stream it")):
            if getattr(self, name):
                raise wrong(name, f"There is no {name} here. {instead}, and leave {name} out.", "unsupported_parameter")
        system = [ChatMessage(role="system", content=self.instructions)] if self.instructions else []
        messages = [*system, *before, *self.said()]
        given: dict[str, Any] = {name: getattr(self, name) for name in ("temperature", "top_p", "stream", "tool_choice")
                                 if getattr(self, name) is not None}
        if "agentfix" in self.model_fields_set:
            given["agentfix"] = self.agentfix
        if self.max_output_tokens is not None:
            given["max_completion_tokens"] = self.max_output_tokens
        if self.tools:
            given["tools"] = [ClientTool(type="function", function=tool) for tool in self.tools]
        if self.text is not None and self.text.format is not None:
            form = self.text.format
            schema = None if form.schema_ is None else JsonSchema(schema=form.schema_, strict=form.strict)
            given["response_format"] = ResponseFormat(type=form.type, json_schema=schema)
        return ChatRequest.model_construct(  # every part was validated before
            model=self.model, messages=messages, **given)

    def echoed(self, *, stored: bool) -> Mapping[str, Any]:
        """What a response says again of its request."""
        form = None if self.text is None or self.text.format is None else self.text.format
        choice = self.tool_choice if self.tool_choice is not None else "auto"
        tools = [{"strict": None, **tool.model_dump(mode="json")} for tool in self.tools or ()]
        return {"instructions": self.instructions, "max_output_tokens": self.max_output_tokens, "model": self.model,
                "parallel_tool_calls": True, "previous_response_id": self.previous_response_id, "store": stored,
                "tool_choice": choice, "tools": tools, "temperature": self.temperature, "top_p": self.top_p,
                "text": {"format": {"type": "text"} if form is None else form.model_dump(by_alias=True)},
                "metadata": self.metadata or {}}


def _messages(items: Sequence[InputItem]) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    for number, item in enumerate(items):
        match item.type:
            case "message":
                if item.role is None:
                    raise wrong(f"input.{number}.role", "A message has a role.")
                messages.append(ChatMessage(role=item.role, content=_content(item.content)))
            case "function_call":
                if not item.name:
                    raise wrong(f"input.{number}.name", "A call names its function.")
                call = Call(id=item.call_id, function=CalledFunction(name=item.name, arguments=item.arguments))
                last = messages[-1] if messages and messages[-1].role == "assistant" else None
                if last is None:
                    messages.append(ChatMessage(role="assistant", tool_calls=[call]))
                else:
                    messages[-1] = last.model_copy(update={"tool_calls": [*(last.tool_calls or ()), call]})
            case "function_call_output":
                messages.append(ChatMessage(role="tool", content=_content(item.output), tool_call_id=item.call_id))
            case "reasoning":  # clients send back what they were told; it is no part of the conversation
                pass
    return messages


def _content(content: str | list[Content] | None) -> str | list[TextPart | ImagePart]:
    if content is None or isinstance(content, str):
        return content or ""
    return [_part(part) for part in content]


def _part(part: Content) -> TextPart | ImagePart:
    if isinstance(part, InputImage):
        return ImagePart(type="image_url", image_url=ImageUrl(url=part.image_url))
    return part if isinstance(part, TextPart) else TextPart(type="text", text=part.refusal)
