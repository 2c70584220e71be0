"""Messages and tools to tokens, through the chat template in the model file.

A template is code from the model file and runs in Jinja's sandbox. Whatever is data (contents, descriptions of tools,
arguments of calls) is tokenized apart from the template's own text, without control tokens: a page that says
`<|im_end|>` stays a text that says so.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import Extension
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentfix.errors import ModelUnavailableError
from agentfix.models.llamacpp.callforms import BARE, HERMES, CallForm, read_objects
from agentfix.models.llamacpp.marks import Marks, Tokenize
from agentfix.models.llamacpp.toolcalls import form_of
from agentfix.types import Message, ToolCall, ToolSpec

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For model files without a template of their own."""

OFFER = (
    "You can call these tools; each line describes one as JSON:\n<tools>\n{tools}\n</tools>\n\n"
    "To call a tool, write its name and an object of arguments as JSON within <tool_call></tool_call>, and nothing "
    'after it:\n<tool_call>\n{"name": "the tool", "arguments": {"its parameter": "a value"}}\n</tool_call>'
)
"""For templates that have no place for tools, or one in a form that is not known. Results are not spoken of: a small
model would write them itself."""

_DOUBLED = '<tool_call>\n{{"name"'
"""So the files of Qwen2.5-Coder show what a call looks like, by mistake. Told so, the model of 1.5B calls a tool again
and again; told in our words, it mostly says what the tool said."""

_Turn = dict[str, Any]


class GenerationTag(Extension):
    """`{% generation %}` marks what the model writes, for those who train it; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 has it

    def parse(self, parser: Parser) -> list[Node]:
        """What stands within."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """A compiled chat template.

    Args:
        source: Jinja source from the model file, or None for ChatML.
        bos: text of the begin-of-sequence token.
        eos: text of the end-of-sequence token.

    Attributes:
        form: how the model writes tool calls.
    """

    def __init__(self, source: str | None, *, bos: str, eos: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag])
        self._secret = Marks.secret()
        environment.filters["tojson"] = Marks(self._secret).dumps
        self._globals: dict[str, Any] = {
            "bos_token": bos,
            "eos_token": eos,
            "raise_exception": _refuse,
            "strftime_now": _now,
        }
        try:
            self._template = environment.from_string(source or CHATML)
        except (TemplateError, SyntaxError, RecursionError, MemoryError, ValueError) as error:
            # All but the first: Python refuses what Jinja makes of a template that is too deep or too large.
            raise ModelUnavailableError(f"The model file's chat template is broken: {error}.") from error
        shown = self._shown_form()
        self._takes_tools = shown is not None
        self.form = shown or HERMES

    def tokens(self, messages: Sequence[Message], tokenize: Tokenize, tools: Sequence[ToolSpec] = ()) -> list[int]:
        """Render messages and the opening of the assistant's turn.

        Where the template has no place for tools they are described in a system message. For a template that refuses
        system messages they are put before the next user message.

        Args:
            messages: the conversation, calls of tools and their results included.
            tokenize: makes tokens of a text.
            tools: what the model may call.

        Raises:
            ModelUnavailableError: the template refuses these messages.
        """
        refusal = None
        for marks, turns, offered in self._ways(messages, tools):
            try:
                return marks.tokens(self._rendered(marks, turns, offered), tokenize)
            except ModelUnavailableError as error:
                refusal = error
        assert refusal is not None
        raise refusal

    def _ways(self, messages: Sequence[Message],
              tools: Sequence[ToolSpec]) -> Iterator[tuple[Marks, list[_Turn], list[Any] | None]]:
        """The ways to put a conversation to the template, the one that its model knows best first."""
        plain = not tools and not any(message.role == "tool" or message.tool_calls for message in messages)
        said = [messages]
        if any(len(message.tool_calls) > 1 for message in messages):
            said.append(_one_call_each(messages))
        for each in said if self._takes_tools or plain else ():
            marks = Marks(self._secret)
            offered = [marks.hidden(_declared(tool)) for tool in tools] or None
            turns = _turns(each, marks)
            yield marks, turns, offered
            if any(turn["role"] == "system" for turn in turns):
                yield marks, _without_system(turns), offered
        if not plain:
            marks = Marks(self._secret)
            turns = _described(messages, tools, marks)
            yield marks, turns, None
            yield marks, _without_system(turns), None

    def _rendered(self, marks: Marks, turns: Sequence[_Turn], tools: Sequence[Any] | None) -> str:
        try:
            text = self._template.render(messages=turns, add_generation_prompt=True, tools=tools, **self._globals)
        except Exception as error:  # the template is foreign code and may raise anything
            raise ModelUnavailableError(f"The model's chat template refuses the messages: {error}.",
                                        "Choose another model.") from error
        if missing := marks.missing(text):
            raise ModelUnavailableError(f"The model's chat template has no place for {missing}.")
        return text

    def _shown_form(self) -> CallForm | None:
        """How the template writes a call; None where that is no form that is known, where it says it wrong, or where it
        leaves out a tool or a result."""
        name, about, key, value, question, result = (f"probe{self._secret}{letter}" for letter in "abcdef")
        tool = ToolSpec(name, about, {"type": "object", "properties": {key: {"type": "string"}}, "required": [key]})
        call = ToolCall(name, {key: value})
        marks, said = Marks(self._secret), list[str]()
        turns = _turns((Message("user", question), Message("assistant", "", (call,)), Message("tool", result)), marks)
        try:
            rendered = self._rendered(marks, turns, [marks.hidden(_declared(tool))])
        except ModelUnavailableError:
            return None
        marks.tokens(rendered, lambda text, special: said.append(text) or [])
        before, _, rest = "".join(said).partition(question)
        written, _, end = rest.partition(result)
        if about not in before + written or _DOUBLED in before:
            return None
        opening = "assistant" + end.rpartition("assistant")[2]
        bare = read_objects(written.partition(opening)[2], 0)
        return BARE if bare and bare[0] == [call] else form_of(written, call, tool)


def _turns(messages: Sequence[Message], marks: Marks) -> list[_Turn]:
    """Messages as chat templates take them. Ids are made anew: some templates want them of nine characters."""
    turns, waiting, made = list[_Turn](), list[tuple[str, str, str]](), 0
    for message in messages:
        turn: _Turn = {"role": message.role, "content": _content(message, marks)}
        if message.tool_calls:
            turn["tool_calls"] = []
        for call in message.tool_calls:
            made += 1
            waiting.append((call.id, f"call{made:05d}", call.tool))
            function = {"name": marks.hidden(call.tool), "arguments": marks.hidden(call.arguments)}
            turn["tool_calls"].append({"id": f"call{made:05d}", "type": "function", "function": function})
        if message.role == "tool":
            answered = next((each for each in waiting if each[0] == message.tool_call_id), ("", "call00000", ""))
            waiting = [each for each in waiting if each is not answered]
            turn |= {"tool_call_id": answered[1], "name": marks.hidden(answered[2])}
        turns.append(turn)
    return turns


def _content(message: Message, marks: Marks) -> str:
    if message.tool_calls:  # some families leave out what is said beside a call
        return marks.hide(message.content) if message.content else ""
    return marks.hide(message.content, f"a {message.role} message")


def _described(messages: Sequence[Message], tools: Sequence[ToolSpec], marks: Marks) -> list[_Turn]:
    """Messages as any template takes them, with tools, calls and results in our own words."""
    turns, after_result = list[_Turn](), False
    for turn in _turns(messages, marks):
        content, is_result = turn["content"], turn["role"] == "tool"
        if is_result:
            said = marks.dumps({key: turn[key] for key in ("name", "content") if turn[key]})
            content = f"<tool_response>\n{said}\n</tool_response>"
        for call in turn.get("tool_calls", ()):
            content = f"{content}\n<tool_call>\n{marks.dumps(call['function'])}\n</tool_call>".lstrip()
        role = "user" if is_result else turn["role"]
        if role == "user" and after_result:  # many templates want turns to alternate
            turns[-1]["content"] += f"\n{content}"
        else:
            turns.append({"role": role, "content": content})
        after_result = is_result
    return _with_offer(turns, tools, marks) if tools else turns


def _with_offer(turns: list[_Turn], tools: Sequence[ToolSpec], marks: Marks) -> list[_Turn]:
    lines = list[str]()
    for tool in tools:
        declared = marks.hidden(_declared(tool))
        declared["function"]["description"] = marks.hide(tool.description, "tools")
        lines.append(marks.dumps(declared))
    offer = OFFER.replace("{tools}", "\n".join(lines))
    if turns and turns[0]["role"] == "system":
        return [{"role": "system", "content": f"{turns[0]['content']}\n\n{offer}"}, *turns[1:]]
    return [{"role": "system", "content": offer}, *turns]


def _declared(tool: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {
        "name": tool.name, "description": tool.description, "parameters": tool.parameters}}


def _one_call_each(messages: Sequence[Message]) -> list[Message]:
    """The same conversation as if one tool had been called at a time: some templates know no other."""
    apart = list[Message]()
    for message in messages:
        if message.role == "tool":
            calls = [i for i, each in enumerate(apart) if message.tool_call_id in {call.id for call in each.tool_calls}]
            apart.insert(calls[-1] + 1 if calls else len(apart), message)
        elif len(message.tool_calls) > 1:
            first, *others = message.tool_calls
            apart.append(replace(message, tool_calls=(first,)))
            apart += [replace(message, content="", tool_calls=(call,)) for call in others]
        else:
            apart.append(message)
    return apart


def _without_system(turns: Sequence[_Turn]) -> list[_Turn]:
    """The same conversation with each system message at the head of the next user message."""
    merged, held = list[_Turn](), list[str]()
    for turn in turns:
        if turn["role"] == "system":
            held.append(turn["content"])
        elif turn["role"] == "user" and held:
            merged.append({**turn, "content": "\n\n".join([*held, turn["content"]])})
            held = []
        else:
            merged.append(turn)
    return [*merged, *({"role": "user", "content": content} for content in held)]


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)
