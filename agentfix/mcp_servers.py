"""MCP servers: where tools of other programs are, and what they may do. Holds no key."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from agentfix.endpoints import KeyName

MOST_CHARACTERS = 24
"""Of a server's name: it stands before the names of its tools, which have 64 together."""


def _named(name: str) -> str:
    if len(name) > MOST_CHARACTERS or not re.fullmatch(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*", name):
        raise ValueError(f"a server's name is made of at most {MOST_CHARACTERS} letters and digits, with single - or _ "
                         "between them")
    return name


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or parts.fragment:
        raise ValueError("an address looks like https://host/mcp")
    if parts.username is not None:
        raise ValueError("an address holds no password: settings are written down; name a key in `secrets` instead")
    return url


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not (value.isascii() and value.isprintable()):
            raise ValueError(f"{name!r} is no header of a request, or its value none")
    return headers


Headers = Annotated[dict[str, str], AfterValidator(_sendable)]
ServerName = Annotated[str, AfterValidator(_named)]
ServerUrl = Annotated[str, AfterValidator(_address)]


class McpServer(BaseModel):
    """One server: a command that speaks MCP over its standard streams, or an address that speaks streamable HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command: tuple[str, ...] = ()
    """The program and its arguments."""
    url: ServerUrl | None = None
    secrets: tuple[KeyName, ...] = ()
    """Names of the keys it is given: a command as environment variables, an address in `headers`. Of its environment
    a command gets these, and what every program needs (PATH, HOME, ...), and nothing else."""
    headers: Headers = Field(default_factory=dict[str, str])
    """Sent to an address; `{NAME}` stands for the key of that name. With one key and no headers it is sent as
    `Authorization: Bearer {NAME}`."""
    hosts: tuple[str, ...] = ()
    """Whom its tools talk to, for the reader of an approval. A program on this machine can't be held to it."""
    tools: tuple[str, ...] = ()
    """The tools that are taken, by the server's own names; all of them when not set."""
    read_only: bool | tuple[str, ...] = False
    """Tools that change nothing, as you know: `true` for all, or their names. Every other asks before it acts."""
    trust_words: bool = False
    """Take the names, descriptions and schemas of its tools for words of your own. Otherwise a run that is told of them
    has heard a stranger from its start, and whatever acts needs a person's word, whatever the policy."""
    trust_hints: bool = False
    """Believe the server when it says of a tool that it only reads."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("a server has either a `command` or a `url`")
        if self.command and self.headers:
            raise ValueError("a `command` has no `headers`; its keys are environment variables")
        if self.url is not None and len(self.secrets) > 1 and not self.headers:
            raise ValueError("say in `headers` how the keys are sent")
        unused = [name for name in self.secrets if self.headers and not self._sent(name)]
        if unused:
            raise ValueError(f"the key {unused[0]} is sent in none of the `headers`")
        return self

    def _sent(self, name: str) -> bool:
        return any("{" + name + "}" in value for value in self.headers.values())

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers, with `{NAME}` where keys belong."""
        if self.secrets and not self.headers:
            return {"Authorization": "Bearer {" + self.secrets[0] + "}"}
        return self.headers
