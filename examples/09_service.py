"""A web service that streams the rounds of a run as server-sent events, one of these for each event of the run.

Whoever hangs up ends the run. All requests together spend at most a million tokens.

Run it with: pip install fastapi uvicorn && uvicorn --factory --app-dir examples 09_service:app
Then: curl -N localhost:8000/answer -H 'content-type: application/json' -d '{"question": "What is 17 times 23?"}'
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from agentfix import Agent, Event, Pool

SHOWN = {"attempt", "observation", "critique", "result"}


class Question(BaseModel):
    question: str


def service(agent: Agent) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with agent:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/answer")
    async def answer(asked: Question) -> StreamingResponse:
        return StreamingResponse(rounds(agent, asked.question), media_type="text/event-stream")

    return app


async def rounds(agent: Agent, question: str) -> AsyncIterator[str]:
    events = agent.astream(question)
    try:
        async for event in events:
            if event.kind in SHOWN:
                yield as_sent(event)
    finally:
        await events.aclose()


def as_sent(event: Event) -> str:
    return f"event: {event.kind}\ndata: {json.dumps(to_jsonable_python(dict(event.data)))}\n\n"


def app() -> FastAPI:
    return service(Agent(pool=Pool(max_tokens=1_000_000)))
