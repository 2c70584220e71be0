"""Messages to tokens, through the chat template in the model file.

A template is code from the model file and runs in Jinja's sandbox. Message contents are tokenized apart from the
template's own text, without control tokens: a page that says `<|im_end|>` stays a text that says so.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Sequence
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
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
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

        Raises:
            ModelUnavailableError: the template refuses these messages.
        """
        marks = [f"\x02{secrets.token_hex(8)}\x03" for _ in messages]
        stand_ins = [
            {"role": "user" if m.role == "tool" else m.role, "content": mark}
            for m, mark in zip(messages, marks, strict=True)
        ]
        try:
            text = self._template.render(messages=stand_ins, add_generation_prompt=True, tools=None, **self._globals)
        except TemplateError as error:
            raise ModelUnavailableError(f"The model's chat template refuses the messages: {error}.") from error
        tokens: list[int] = []
        for message, mark in zip(messages, marks, strict=True):
            before, found, text = text.partition(mark)
            tokens += tokenize(before, True) if before else []
            if not found:
                raise ModelUnavailableError(f"The model's chat template has no place for a {message.role} message.")
            tokens += tokenize(message.content, False) if message.content else []
        return tokens + tokenize(text, True)


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)
