r"""A web service that streams the rounds of a run as server-sent events, one of these for each event of the run.

Whoever hangs up ends the run. All requests together spend at most a million tokens. A question may come with an `id`:
asked again with it, also after the service was killed in the middle, it goes on where it was, and what the model had
said by then is not asked again.

Run it with: pip install fastapi uvicorn && uvicorn --factory --app-dir examples 09_service:app
Then: curl -N localhost:8000/answer -H 'content-type: application/json' \
          -d '{"question": "What is 17 times 23?", "id": "my-first"}'
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from agentfix import Agent, AgentFixError, Pool

SHOWN = {"attempt", "observation", "critique", "result"}


class Question(BaseModel):
    question: str
    id: str | None = None


def service(agent: Agent) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with agent:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/answer")
    async def answer(asked: Question) -> StreamingResponse:
        return StreamingResponse(rounds(agent, asked.question, asked.id), media_type="text/event-stream")

    return app


async def rounds(agent: Agent, question: str, run_id: str | None) -> AsyncIterator[str]:
    events = agent.astream(question, run_id=run_id)
    try:
        async for event in events:
            if event.kind in SHOWN:
                yield as_sent(event.kind, event.data)
    except AgentFixError as error:  # among others: a request with this id is under way, or another question had it
        yield as_sent("error", {"message": str(error)})
    finally:
        await events.aclose()


def as_sent(kind: str, data: Mapping[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(to_jsonable_python(dict(data)))}\n\n"


def app() -> FastAPI:
    return service(Agent(pool=Pool(max_tokens=1_000_000)))
