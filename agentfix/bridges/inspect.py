"""An agent as a solver of Inspect (https://inspect.aisi.org.uk): `pip install 'agentfix[inspect]'`.

Inspect gives the samples and scores the answers; the agent answers, with its own model, tools and limits.
"""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
from inspect_ai.solver import Generate, Solver, TaskState, solver

from agentfix.agent import Agent
from agentfix.errors import InputError
from agentfix.types import Result, Standing, Task, Usage

STORED = "agentfix"
"""Under this name a sample's store holds the attempts with their evidence."""


@solver
def agentfix_solver(agent: Agent, kind: str = "auto") -> Solver:
    """Have an agent answer the samples.

    The last thing that the user says in a sample is the question, with what the system says before it; earlier turns
    are material that belongs to it. The target is not shown to the agent. The answer becomes the output, whose metadata
    says what supports it; the attempts and their evidence are in the sample's store.

    Inspect counts no tokens of it: they are in the output's `usage`. A sample that Inspect gives up is not waited for,
    but its run ends by the agent's own limits.

    Args:
        agent: answers; several samples at once. Whoever made it closes it.
        kind: of all samples; found out for each when `auto`.

    Raises:
        InputError: a sample offers choices, or holds more than text.
        AgentFixError: as `Agent.run` does; Inspect makes it the sample's error.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        task = _task(state, kind)
        # An agent's connections belong to one event loop. Its own outlives that of an evaluation.
        result = await anyio.to_thread.run_sync(agent.run, task, abandon_on_cancel=True)
        state.output = _output(result, agent.settings.model)
        state.messages.append(state.output.message)
        state.store.set(STORED, _told(result))
        return state

    return solve


def _task(state: TaskState, kind: str) -> Task:
    if state.choices:
        raise InputError(f"Sample {state.sample_id!r} offers choices, which an agent is not shown.",
                         "Write them into the sample's input.")
    last = max((i for i, message in enumerate(state.messages) if message.role == "user"), default=None)
    if last is None:
        raise InputError(f"In sample {state.sample_id!r} the user says nothing.")
    system = [_text(message, state) for message in state.messages[:last] if message.role == "system"]
    earlier = [f"{message.role}: {_text(message, state)}" for message in state.messages[:last]
               if message.role != "system"]
    return Task("\n\n".join([*system, _text(state.messages[last], state)]), kind, context="\n\n".join(earlier))


def _text(message: ChatMessage, state: TaskState) -> str:
    if not isinstance(message.content, str) and any(part.type != "text" for part in message.content):
        raise InputError(f"Sample {state.sample_id!r} holds more than text.", "Leave it out.")
    return message.text


def _output(result: Result, model: str) -> ModelOutput:
    output = ModelOutput.from_content(f"agentfix/{model}", result.answer or "")
    output.usage = _usage(result.usage)
    output.metadata = _summary(result)
    output.time = result.seconds
    return output


def _usage(usage: Usage) -> ModelUsage:
    return ModelUsage(
        input_tokens=usage.prompt_tokens - usage.cached_prompt_tokens,
        input_tokens_cache_read=usage.cached_prompt_tokens, output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens, total_cost=usage.cost)


def _summary(result: Result) -> dict[str, Any]:
    return {"run_id": result.run_id, "abstained": result.abstained, "reason": result.reason,
            "supported_by": None if result.supported_by is None else result.supported_by.label}


def _told(result: Result) -> dict[str, Any]:
    attempts = [
        {"id": attempt.id, "parent": attempt.parent, "role": attempt.role, "text": attempt.text,
         "answer": attempt.answer, "standing": _standing(standing),
         "evidence": [{"class": e.kind.label, "polarity": e.polarity, "summary": e.summary, "author": e.author}
                      for critique in result.critiques if critique.attempt == attempt.id for e in critique.evidence]}
        for attempt, standing in zip(result.attempts, result.standings, strict=True)
    ]
    return {**_summary(result), "kind": result.kind, "stop_reason": result.stop_reason, "best": result.best,
            "tool_calls": result.usage.tool_calls, "attempts": attempts}


def _standing(of: Standing) -> str:
    return of.state if of.kind is None else f"{of.state} by {of.kind.label}"
