"""What tests of judging critics have in common: attempts, replies and reviews."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from agentfix import Attempt, Completion, Critique, Plugins, Settings, Task, TokenLogprob
from agentfix.testing import ScriptedModel, critic_context

PLUGINS = Plugins(Settings(enabled_plugins=()))
TASK = Task("How many legs have 3 cats?")


def attempts(*answers: str | None, author: str = "writer") -> list[Attempt]:
    """Independent attempts with these answers."""
    return [Attempt(n, None, "actor", author, f"It is {answer}.", answer) for n, answer in enumerate(answers)]


def critic(spec: str) -> Any:
    """A critic by `name` or `name:argument`."""
    return PLUGINS.build("critic", *spec.partition(":")[::2])


def likely(**chances: float) -> Completion:
    """A token with the probabilities of these tokens."""
    top = tuple((token, math.log(chance)) for token, chance in chances.items() if chance > 0)
    return Completion(top[0][0], logprobs=(TokenLogprob(*top[0], top),))


def said(**fields: Any) -> str:
    """A reply that is a JSON object."""
    return json.dumps(fields)


async def review(spec: str, shown: Sequence[Attempt], model: ScriptedModel, *, only: Sequence[int] | None = None,
                 task: Task = TASK, **given: Any) -> list[Critique]:
    """What a critic says of attempts, or of those named; its model must be asked for all that it was given."""
    context = critic_context(model, task=task, attempts=shown, **given)
    judged = [attempt for attempt in shown if only is None or attempt.id in only]
    found = await critic(spec).review(task, judged, context)
    assert isinstance(found, list)
    model.assert_done()
    return found


def prompts(model: ScriptedModel) -> list[str]:
    """What a model was asked, in order."""
    return [request.messages[-1].content for request in model.requests]
