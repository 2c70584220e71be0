"""The line at the bottom of the prompt: how the next answer comes about, and what was spent."""

from __future__ import annotations

from agentfix.repl.conversation import Conversation

MODEL_CHARACTERS = 28


def foot(conversation: Conversation) -> str:
    """The line; most important things first, for narrow terminals."""
    settings, spent, loaded = conversation.settings, conversation.spent, conversation.agents.warming.loaded
    model = settings.model.removeprefix("llamacpp:")
    model = model if len(model) <= MODEL_CHARACTERS else f"…{model[1 - MODEL_CHARACTERS:]}"  # the end of a path tells
    parts = [model if loaded is None else f"{model} loading {loaded:.0%}",
             settings.strategy if conversation.state.verify else "not checked"]
    if settings.kind != "auto":
        parts.append(settings.kind)
    if spent is not None:
        parts.append(f"spent {spent.tokens:,} tokens" + (f", cost {spent.cost:.4f}" if spent.cost else ""))
    if settings.max_rounds is not None:
        parts.append(f"{settings.max_rounds} rounds at most")
    if settings.max_seconds is not None:
        parts.append(f"{settings.max_seconds:g} s at most")
    return " · ".join(parts)
