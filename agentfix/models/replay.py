"""The `replay` backend: replies from a recording, and nothing else. Needs no model, network or Docker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from agentfix.digest import digest, model_body, tool_body
from agentfix.errors import RecordingError, ToolError
from agentfix.protocols import ExecResult, FileInfo, HostFunction, Limits, OnOutput, ToolContext
from agentfix.recording import Recording, read_recording
from agentfix.types import Claim, Completion, Delta, Evidence, Message, ModelRequest, Observation, ToolCall, ToolSpec

_COMPLETIONS = TypeAdapter(list[Completion])
_OBSERVATION = TypeAdapter(Observation)
_EVIDENCE = TypeAdapter(Evidence)
_MESSAGES = TypeAdapter(list[Message])


def open_replay(path: str) -> ReplayModel:
    """The model that a recording stands for.

    Raises:
        RecordingError: the file can't be read, or no model was recorded.
    """
    recording = read_recording(Path(path))
    if not recording.models:
        raise RecordingError(f"{recording.name} holds no reply of a model.", "Record a run that asks one.")
    return ReplayModel(recording)


class ReplayModel:
    """Says what was recorded. Its name is that of the model which said it.

    Args:
        recording: where replies come from. One without any belongs to a run in which no model was asked.
    """

    def __init__(self, recording: Recording) -> None:
        self.name = recording.models[0] if recording.models else ""
        self.recording = recording

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """See `agentfix.Model`. Where several models were recorded, any of them may have given the reply.

        Raises:
            RecordingError: it was not recorded; the error shows the nearest request that was.
        """
        found = (self.recording.reply(model_body(name, request)) for name in self.recording.models)
        reply = next((r for r in found if r is not None), None)
        if reply is None:
            raise self.recording.missing(model_body(self.name, request))
        completions = _COMPLETIONS.validate_python(reply["completions"])
        if on_delta is not None:
            for index, completion in enumerate(completions):
                on_delta(Delta(completion.text, index))
        return completions

    async def aclose(self) -> None:
        """Nothing to free."""


class ReplayTool:
    """Says what a tool said when it was recorded. Implements `agentfix.Tool`, `Verifier` and `Undoable`."""

    def __init__(self, spec: ToolSpec, recording: Recording) -> None:
        self.spec = spec
        self._recording = recording
        self._asked: Counter[str] = Counter()

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """See `agentfix.Tool`.

        Raises:
            RecordingError: it was not recorded.
        """
        return await self._said(ToolCall(self.spec.name, arguments), context)

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """See `agentfix.Verifier`. Raises RecordingError as `run` does."""
        said = await self._said(ToolCall(f"{self.spec.name}.verify", asdict(claim)), context)
        if not said.ok:
            raise ToolError(said.text, status=said.status)
        found = said.data.get("evidence")
        return None if found is None else _EVIDENCE.validate_python(found)

    async def undo(self, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """See `agentfix.Undoable`. Raises RecordingError as `run` does."""
        return await self._said(ToolCall(f"{self.spec.name}.undo", dict(call.arguments)), context)

    async def _said(self, call: ToolCall, context: ToolContext) -> Observation:
        body = tool_body(call)
        key = digest(body)
        reply = self._recording.reply(body, self._asked[key])
        if reply is None:
            raise self._recording.missing(body)
        self._asked[key] += 1
        for asked in reply.get("asked", {}).values():
            await self._ask(asked["digest"], context)
        return _OBSERVATION.validate_python(reply["observation"])

    async def _ask(self, asked: str, context: ToolContext) -> None:
        """Ask the model what the tool asked it, so that a replay spends as much as the run did."""
        call = self._recording.calls.get(asked)
        if call is None:
            return
        request = call.request
        messages = _MESSAGES.validate_python(request["messages"])
        sampling = request["sampling"]
        await context.ask(messages, schema=request["schema"], temperature=sampling["temperature"],
                          max_tokens=sampling["max_tokens"], n=request["n"], top_logprobs=request["top_logprobs"])


class ReplaySession:
    """Stands where a sandbox would: what programs said was recorded with the tool that ran them."""

    async def exec(self, code: str, limits: Limits = Limits(), *, want: str | None = None, stateful: bool = False,
                   on_output: OnOutput | None = None,
                   functions: Mapping[str, HostFunction] = MappingProxyType({})) -> ExecResult:
        """Nothing is run in a replay, and no file is there: each of these raises RecordingError."""
        raise _nothing_runs()

    async def put(self, path: str, data: bytes) -> None:
        raise _nothing_runs()

    async def get(self, path: str) -> bytes:
        raise _nothing_runs()

    async def files(self) -> list[FileInfo]:
        raise _nothing_runs()

    async def aclose(self) -> None:
        """Nothing to leave behind."""


def _nothing_runs() -> RecordingError:
    return RecordingError("A replay runs no program.", "Run a program by a tool, whose calls are recorded.")
