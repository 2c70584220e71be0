"""A client's messages, as a task for an agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agentfix.server.asked import MOST_MESSAGES, ChatMessage, ImagePart, TextPart
from agentfix.server.failures import wrong
from agentfix.types import Image, Turn

MOST_IMAGES = 500
MOST_CHARACTERS = 2_000_000
"""More than any model reads."""
PICTURES = ("https://", "data:image/")


@dataclass(frozen=True)
class Conversation:
    """What was said, parted into what is asked and what went before."""

    question: str
    history: tuple[Turn, ...]
    images: tuple[Image, ...]


@dataclass
class _Exchange:
    """Messages of the user, and what was answered."""

    asked: list[str] = field(default_factory=list[str])
    answered: list[str] = field(default_factory=list[str])
    images: list[Image] = field(default_factory=list[Image])


def read_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Part the messages.

    What the system's messages say belongs to the question: it is the caller's own word, as the user's is. Whether tools
    or documents had a part in earlier answers only the client knows, so they are taken for data. Pictures of earlier
    turns are shown with the question.

    Raises:
        Refusal: the last message is not the user's, or has no text.
    """
    last = messages[-1]
    if last.role != "user":
        raise wrong(f"messages.{len(messages) - 1}.role", "The last message must be the user's.")
    if len(messages) > MOST_MESSAGES:  # with those of earlier responses
        raise wrong("messages", f"A conversation has at most {MOST_MESSAGES:,} messages. Begin anew.")
    told = [text_of(message) for message in messages if message.role in ("system", "developer")]
    exchanges = _exchanges(message for message in messages if message.role in ("user", "assistant"))
    *before, now = exchanges
    question = "\n\n".join(filter(str.strip, now.asked))
    if not question:
        raise wrong(f"messages.{len(messages) - 1}.content", "The last message has no text.")
    history = tuple(Turn("\n\n".join(each.asked), "\n\n".join(each.answered), heard=True) for each in before)
    images = tuple(image for each in exchanges for image in each.images)
    require_few(len(images))
    said = Conversation("\n\n".join(filter(str.strip, (*told, question))), history, images)
    if len(said.question) + sum(len(turn.question) + len(turn.answer) for turn in history) > MOST_CHARACTERS:
        raise wrong("messages", f"A conversation has at most {MOST_CHARACTERS:,} characters of text.")
    return said


def text_of(message: ChatMessage) -> str:
    """A message's text, in one piece."""
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return "\n".join(part.text for part in message.content if isinstance(part, TextPart))


def images_of(message: ChatMessage) -> tuple[Image, ...]:
    """A message's pictures.

    Raises:
        Refusal: one is neither a picture itself nor an https: address.
    """
    parts = message.content if isinstance(message.content, list) else []
    urls = [part.image_url.url for part in parts if isinstance(part, ImagePart)]
    if not all(url.startswith(PICTURES) for url in urls):
        raise wrong("messages", "A picture is given as a data: URL, or by its https: address.")
    return tuple(Image(url) for url in urls)


def require_few(images: int) -> None:
    """Raise Refusal where too many pictures are shown at once."""
    if images > MOST_IMAGES:
        raise wrong("messages", f"At most {MOST_IMAGES} pictures are shown at once.")


def _exchanges(messages: Iterable[ChatMessage]) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    for message in messages:
        asks = message.role == "user"
        if not exchanges or (asks and exchanges[-1].answered):
            exchanges.append(_Exchange())
        now = exchanges[-1]
        (now.asked if asks else now.answered).append(text_of(message))
        now.images += images_of(message)
    return exchanges
