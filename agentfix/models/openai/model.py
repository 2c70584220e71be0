"""A model behind an endpoint. Implements `agentfix.Model` and `agentfix.Scorer`."""

from __future__ import annotations

import asyncio
import difflib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from agentfix.endpoints import Price
from agentfix.errors import AgentFixError, BlindModelError, ModelError, ModelUnavailableError
from agentfix.models.openai.client import Client
from agentfix.models.openai.failures import Passing, Refused, sees_no_images
from agentfix.models.openai.habits import Habits
from agentfix.models.openai.pool import Pool
from agentfix.models.openai.reply import Counted, Pieces, Reply
from agentfix.models.openai.schema import MAX_REPAIRS, fault_of, is_held, repair, wanted_in
from agentfix.models.openai.wire import body_of
from agentfix.models.scoring import choice_probabilities
from agentfix.types import Completion, Delta, Message, ModelRequest, Sampling, Usage

_LOG = logging.getLogger(__name__)
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class NoMoreCalls(Exception):
    """The request's `max_calls` is used up."""


@dataclass
class _Allowance:
    """How many HTTP requests may still be made for a request, and how many were."""

    left: int | None
    made: int = 0

    def take(self) -> None:
        if self.left is not None:
            if self.left <= 0:
                raise NoMoreCalls
            self.left -= 1
        self.made += 1


class OpenAIModel:
    """Asks an endpoint, again where that may help, and differently where it would not have the request as it was.

    Args:
        name: as users write it.
        model: as the endpoint names it.
        pool: the endpoint's addresses.
        price: what tokens cost; None where that is unknown.
        sleep: waits between retries.
    """

    def __init__(self, name: str, model: str, pool: Pool, price: Price | None,
                 sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.name = name
        self._model = model
        self._pool = pool
        self.price = price
        self._sleep = sleep
        self._client = Client(pool.endpoint, model)
        self._habits = Habits()

    async def generate(
        self, request: ModelRequest, *, on_delta: Callable[[Delta], None] | None = None
    ) -> list[Completion]:
        """See `agentfix.Model`.

        A JSON schema is enforced by the server where it can, and asked for in words where it can't, as a regular
        expression always is. A reply that does not satisfy it is mended by up to two further requests, and then
        returned as it is.

        Raises:
            InputError: the regular expression is none, or there is a schema beside it.
            ModelUnavailableError: the endpoint can't be reached, refuses the key or does not know the model.
            ContextOverflowError: the prompt is too long.
            ModelReplyError: what came back is no reply.
            ModelError: the endpoint failed otherwise.
        """
        held = is_held(request)
        allowance = _Allowance(request.max_calls)
        replies: list[Reply] = []
        if request.n == 1 or not self._habits.one_at_a_time:
            replies.append(await self._reply(request, request.n, 0, on_delta, allowance))
        had = sum(len(reply.completions) for reply in replies)
        if had < request.n:
            self._habits.one_at_a_time = True
            replies += await self._rest(request, had, on_delta, allowance)
        completions = [c for reply in replies for c in _with_usage(reply, self.price)][: request.n]
        if held:
            completions = [await self._mended(request, completion, allowance) for completion in completions]
        first = completions[0]
        return [replace(first, usage=replace(first.usage, model_calls=allowance.made)), *completions[1:]]

    async def _rest(self, request: ModelRequest, had: int, on_delta: Callable[[Delta], None] | None,
                    allowance: _Allowance) -> list[Reply]:
        """The completions that did not come yet, all at once, each by a request of its own. What can't be had is left
        out: what there is already is not thrown away for it."""
        wanted = range(had, request.n)
        if allowance.left is not None:
            wanted = wanted[: max(allowance.left, 0 if had else 1)]
        got = await asyncio.gather(*(self._reply(request, 1, index, on_delta, allowance) for index in wanted),
                                   return_exceptions=True)
        replies = [reply for reply in got if isinstance(reply, Reply)]
        for failure in got:
            if isinstance(failure, BaseException) and not (isinstance(failure, AgentFixError) and (had or replies)):
                raise failure
        return replies

    async def _mended(self, request: ModelRequest, completion: Completion, allowance: _Allowance) -> Completion:
        best = completion
        for repairs_left in reversed(range(MAX_REPAIRS + 1)):
            found = wanted_in(best.text, request)
            fault = await fault_of(found, request)
            if not fault:
                return replace(best, text=found)
            if best.tool_calls or not repairs_left or allowance.left == 0:
                break
            again = replace(request, n=1, messages=(*request.messages, *repair(best.text, fault, request)))
            try:
                (mended, *_) = _with_usage(await self._reply(again, 1, 0, None, allowance), self.price)
            except AgentFixError:
                break
            best = replace(mended, usage=best.usage + mended.usage)
        return best

    async def score(self, messages: Sequence[Message], choices: Sequence[str]) -> list[float]:
        """See `agentfix.Scorer`."""
        request = ModelRequest(tuple(messages), Sampling(max_tokens=1), top_logprobs=20)
        (completion, *_) = await self.generate(request)
        return choice_probabilities(completion, choices, self.name)

    async def aclose(self) -> None:
        """Close the connections. May be called twice."""
        await self._client.aclose()

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _reply(self, request: ModelRequest, n: int, index: int, on_delta: Callable[[Delta], None] | None,
                     allowance: _Allowance) -> Reply:
        """One reply of up to n choices, by as many HTTP requests as that takes."""
        if index:
            request = replace(request, sampling=replace(request.sampling, seed=request.sampling.seed + index))
        refusals = 0
        while True:
            wanted = 1 if self._habits.one_at_a_time else n
            body = body_of(self._model, request, self._habits, n=wanted, stream=on_delta is not None)
            try:
                return await self._retried(body, index, on_delta, allowance)
            except Refused as refused:
                refusals += 1
                final = await self._final(refused, request)
                if final or allowance.left == 0 or refusals > len(body) or not self._habits.learn(refused, body):
                    raise (final or self._said_of_tools(refused, request)) from None

    async def _final(self, refused: Refused, request: ModelRequest) -> AgentFixError | None:
        """What to say of a refusal that no other way of asking can help; None where one may."""
        if refused.parameter == "model":
            return await self._unknown(refused)
        if any(message.images for message in request.messages) and sees_no_images(refused):
            return BlindModelError(f"{self.name!r} can't see images: {refused.error.message}",
                                   "Choose a model that can.")
        return None

    def _said_of_tools(self, refused: Refused, request: ModelRequest) -> AgentFixError:
        if request.tools and "tool" in refused.said.lower():
            return ModelError(f"{self.name!r} can't be offered tools: {refused.error.message}",
                              "Choose a model that can.")
        return refused.error

    async def _retried(self, body: dict[str, Any], index: int, on_delta: Callable[[Delta], None] | None,
                       allowance: _Allowance) -> Reply:
        last: Passing | None = None
        ends: float | None = None  # the time for a reply begins with its first request, not in the queue before it
        clock = asyncio.get_running_loop().time

        async def once() -> Reply:
            nonlocal last, ends
            async with self._pool.address() as url:
                try:
                    allowance.take()
                except NoMoreCalls:
                    raise (last.error if last else ModelError(f"No call of {self.name!r} is left.")) from None
                ends = clock() + self._pool.endpoint.timeout_s if ends is None else ends
                pieces = None if on_delta is None else Pieces(on_delta, index)
                whole = last is not None and last.empty_stream
                try:
                    reply = await self._client.send(url, _unstreamed(body) if whole else body, pieces, ends - clock())
                except Passing as passing:
                    hopeless = passing.bad_call and last is not None and last.bad_call
                    last = passing
                    if pieces is not None:
                        pieces.void()
                    self._pool.failed(url, passing.wait_s)
                    _LOG.warning("model %s: request %d failed: %s", self._model, allowance.made,
                                 type(passing.error).__name__)
                    passing.elsewhere = self._pool.another(url)
                    too_long = (passing.wait_s or 0) > ends - clock() and not passing.elsewhere
                    if hopeless or too_long:
                        raise passing.error from None
                    raise
                self._pool.worked(url)
                return reply

        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + self._pool.endpoint.max_retries), wait=self._wait_s, sleep=self._sleep,
            retry=retry_if_exception_type(Passing), reraise=True)
        try:
            return await retrying(once)
        except Passing as passing:
            raise passing.error from passing

    def _wait_s(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, Passing) and failure.elsewhere:
            return 0.0
        if isinstance(failure, Passing) and failure.wait_s is not None:
            return failure.wait_s
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (state.attempt_number - 1))
        return random.uniform(longest / 2, longest)  # those who failed together don't come back together

    async def _unknown(self, refused: Refused) -> AgentFixError:
        """The error for a model that the endpoint does not know, with the nearest it does."""
        url = self._pool.endpoint.base_urls[0]
        try:
            async with asyncio.timeout(self._pool.endpoint.connect_timeout_s):
                known = await self._client.models(url)
        except (AgentFixError, TimeoutError):
            return refused.error
        near = difflib.get_close_matches(self._model, known, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}?" if near else f"It offers: {', '.join(known[:8]) or 'none'}."
        return ModelUnavailableError(refused.error.message, hint)


def _unstreamed(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("stream", "stream_options")}


def _with_usage(reply: Reply, price: Price | None) -> list[Completion]:
    """The completions of a reply, with its tokens: the prompt on the first, what was written shared out by length."""
    counted: Counted = reply.counted
    lengths = [len(c.text) + len(c.reasoning) + 1 for c in reply.completions]
    cost = None if price is None else price.of(counted.prompt, counted.cached, counted.completion)
    left, given = counted.completion, list[Completion]()
    for position, completion in enumerate(reply.completions):
        last = position == len(lengths) - 1
        share = left if last else min(left, counted.completion * lengths[position] // sum(lengths))
        left -= share
        usage = Usage(completion_tokens=share, cost=None if cost is None else 0.0, estimated=counted.estimated)
        if not position:
            usage = replace(usage, prompt_tokens=counted.prompt, cached_prompt_tokens=counted.cached, cost=cost)
        given.append(replace(completion, usage=usage))
    return given

