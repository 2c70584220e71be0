"""Tools that read a document, and tools that act on a world which remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentfix import FunctionTool, Observation, Register, hookimpl, tool

from .documents import Document

URL = "https://example.org/page"
READING = ("web_search", "fetch_page")


@dataclass(eq=False)
class World:
    """What can be read and what was done. A plugin that stands in for those that search.

    Args:
        document: what every search and every page says.
    """

    document: Document
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    """The calls with side effects that were run."""

    @hookimpl
    def agentfix_register_tools(self, register: Register) -> None:
        for each in (*self._reading(), *self._acting()):
            register(each)

    def _reading(self) -> list[FunctionTool]:
        def found(name: str) -> Observation:
            passages = self.document.passages()
            lines = [f"[{number}] {title}: {text} ({URL})" for number, (title, text) in enumerate(passages, 1)]
            rows = [{"title": title, "text": text, "source": URL, "url": URL} for title, text in passages]
            return Observation(name, "ok", "\n".join(lines), {"passages": rows})

        @tool(hosts=("example.org",))
        def web_search(query: str, k: int = 5) -> Observation:
            """Search the web. Returns numbered passages with titles and addresses."""
            return found("web_search")

        @tool(hosts=("example.org",))
        def fetch_page(url: str) -> Observation:
            """Read a page of the web."""
            title, text = self.document.passages()[0]
            return Observation("fetch_page", "ok", f"{title}\n{url}\n\n{text}", {"title": title, "text": text})

        @tool(hosts=("example.org",))
        def corpus_search(query: str, k: int = 5) -> Observation:
            """Search the user's files."""
            return found("corpus_search")

        return [web_search, fetch_page, corpus_search]

    def _acting(self) -> list[FunctionTool]:
        def act(name: str, **arguments: Any) -> str:
            self.done.append((name, arguments))
            return f"{name}: done."

        @tool(side_effects=True)
        def send_money(recipient: str, amount: float, subject: str = "") -> str:
            """Transfer money from the user's account."""
            return act("send_money", recipient=recipient, amount=amount, subject=subject)

        @tool(side_effects=True)
        def send_email(to: str, subject: str, body: str) -> str:
            """Send an email in the user's name."""
            return act("send_email", to=to, subject=subject, body=body)

        @tool(side_effects=True)
        def delete(what: str) -> str:
            """Delete an email, a file or an event of the user."""
            return act("delete", what=what)

        @tool(side_effects=True)
        def book_hotel(hotel: str, begin: str, end: str) -> str:
            """Book a room."""
            return act("book_hotel", hotel=hotel, begin=begin, end=end)

        @tool(side_effects=True)
        def create_event(title: str, day: str, begin: str = "") -> str:
            """Put an event into the user's calendar."""
            return act("create_event", title=title, day=day, begin=begin)

        @tool(side_effects=True)
        def post(where: str, text: str) -> str:
            """Publish a text on a web site or in a channel."""
            return act("post", where=where, text=text)

        @tool(side_effects=True)
        def send(instruction: str) -> str:
            """Have anything done, told in words."""
            return act("send", instruction=instruction)

        return [send_money, send_email, delete, book_hotel, create_event, post, send]


ACTING = ("send_money", "send_email", "delete", "book_hotel", "create_event", "post", "send")
