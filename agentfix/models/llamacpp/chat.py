"""Messages to tokens, through the chat template in the model file.

A template is code from the model file and runs in Jinja's sandbox. Message contents are tokenized apart from the
template's own text, without control tokens: a page that says `<|im_end|>` stays a text that says so.
"""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentfix.errors import ModelUnavailableError
from agentfix.types import Message

Tokenize = Callable[[str, bool], list[int]]
"""(text, whether control tokens are recognised) -> tokens."""

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For model files without a template of their own."""


class ChatTemplate:
    """A compiled chat template.

    Args:
        source: Jinja source from the model file, or None for ChatML.
        bos: text of the begin-of-sequence token.
        eos: text of the end-of-sequence token.
    """

    def __init__(self, source: str | None, *, bos: str, eos: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self._globals: dict[str, Any] = {
            "bos_token": bos,
            "eos_token": eos,
            "raise_exception": _refuse,
            "strftime_now": _now,
        }
        try:
            self._template = environment.from_string(source or CHATML)
        except TemplateError as error:
            raise ModelUnavailableError(f"The model file's chat template is broken: {error}.") from error

    def tokens(self, messages: Sequence[Message], tokenize: Tokenize) -> list[int]:
        """Render messages and the opening of the assistant's turn.

        For a template that refuses system messages they are put before the next user message.

        Raises:
            ModelUnavailableError: the template refuses these messages.
        """
        try:
            return self._tokens(messages, tokenize)
        except ModelUnavailableError:
            merged = _without_system(messages)
            if merged == list(messages):
                raise
            return self._tokens(merged, tokenize)

    def _tokens(self, messages: Sequence[Message], tokenize: Tokenize) -> list[int]:
        marks = [f"\x02{secrets.token_hex(8)}\x03" for _ in messages]
        text = self._render([
            {"role": "user" if m.role == "tool" else m.role, "content": mark}
            for m, mark in zip(messages, marks, strict=True)
        ])
        contents = {mark: message.content for message, mark in zip(messages, marks, strict=True)}
        pieces = re.split(f"({'|'.join(marks)})", text) if marks else [text]
        for message, mark in zip(messages, marks, strict=True):
            if mark not in pieces:
                raise ModelUnavailableError(f"The model's chat template has no place for a {message.role} message.")
        return [
            token
            for piece in pieces
            if (said := contents.get(piece, piece))
            for token in tokenize(said, piece not in contents)
        ]

    def _render(self, messages: Sequence[dict[str, str]]) -> str:
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, tools=None, **self._globals)
        except Exception as error:  # the template is foreign code and may raise anything
            raise ModelUnavailableError(f"The model's chat template refuses the messages: {error}.",
                                        "Choose another model.") from error


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The same conversation with each system message at the head of the next user message."""
    merged: list[Message] = []
    held: list[str] = []
    for message in messages:
        if message.role == "system":
            held.append(message.content)
        elif message.role == "user" and held:
            merged.append(replace(message, content="\n\n".join([*held, message.content])))
            held = []
        else:
            merged.append(message)
    return [*merged, *(Message("user", content) for content in held)]


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)
