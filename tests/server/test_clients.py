"""Other people's clients, unmodified, over real HTTP: LangChain's, Pydantic AI's, and OpenAI's for Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
from pydantic import BaseModel

from agentfix import Completion, ToolCall
from agentfix.testing import ScriptedModel
from tests.server.served import MODEL, QUESTION, SOLVED, serving

CALL = Completion("", "tool_calls", tool_calls=(ToolCall("weather", {"place": "Bonn"}, "call_1"),))
NODE = Path(__file__).with_name("node")


class Place(BaseModel):
    """Somewhere."""

    place: str


def weather(place: str) -> str:
    """Of a place."""
    return f"rain in {place}"


@pytest.mark.parametrize("responses", [False, True])
async def test_langchain_answers_streams_calls_and_structures(responses):
    langchain = pytest.importorskip("langchain_openai", reason="pip install langchain-openai")
    script = ScriptedModel([*SOLVED, *SOLVED, CALL, '{"place": "Bonn"}'])
    async with serving(script) as served, openai.DefaultAsyncHttpxClient() as connections:
        asking = langchain.ChatOpenAI(model=f"critic/{MODEL}", base_url=served.url, api_key="none", max_retries=0,
                                      use_responses_api=responses, http_async_client=connections)
        said = await asking.ainvoke([("system", "Be exact."), ("user", QUESTION)])
        assert said.text == "60" and said.usage_metadata["total_tokens"] > 0
        assert "".join([chunk.text async for chunk in asking.astream(QUESTION)]) == "60"
        called = await asking.bind_tools([weather]).ainvoke("How is the weather in Bonn?")
        assert [(call["name"], call["args"]) for call in called.tool_calls] == [("weather", {"place": "Bonn"})]
        structured = asking.with_structured_output(Place, method="function_calling")
        assert await structured.ainvoke("Where?") == Place(place="Bonn")
    script.assert_done()


@pytest.mark.parametrize("model", ["OpenAIChatModel", "OpenAIResponsesModel"])
async def test_pydantic_ai_answers_streams_calls_and_structures(model):
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="pip install 'pydantic-ai-slim[openai]'")
    models = pytest.importorskip("pydantic_ai.models.openai")
    providers = pytest.importorskip("pydantic_ai.providers.openai")
    script = ScriptedModel([*SOLVED, *SOLVED, CALL, "It rains.", '{"place": "Bonn"}'])
    async with serving(script) as served, openai.DefaultAsyncHttpxClient() as connections:
        provider = providers.OpenAIProvider(base_url=served.url, api_key="none", http_client=connections)
        asking = getattr(models, model)(MODEL, provider=provider)
        assert (await pydantic_ai.Agent(asking).run(QUESTION)).output == "60"
        async with pydantic_ai.Agent(asking).run_stream(QUESTION) as stream:
            assert await stream.get_output() == "60"
        assert (await pydantic_ai.Agent(asking, tools=[weather]).run("How is the weather?")).output == "It rains."
        assert (await pydantic_ai.Agent(asking, output_type=Place).run("Where?")).output == Place(place="Bonn")
    script.assert_done()
    assert script.requests[-2].messages[-1].content == "rain in Bonn"


@pytest.mark.skipif(shutil.which("node") is None or not (NODE / "node_modules/openai").is_dir(),
                    reason="npm install --prefix tests/server/node")
async def test_openais_client_for_node_answers_streams_and_calls():
    script = ScriptedModel([*SOLVED * 4, CALL])
    async with serving(script) as served:
        process = await asyncio.create_subprocess_exec(
            "node", str(NODE / "client.mjs"), served.url, MODEL, QUESTION, stdout=subprocess.PIPE)
        printed, _ = await process.communicate()
    said = json.loads(printed)
    assert said["answers"] == ["60"] * 4 and said["supported_by"] == "agreement"
    assert (said["call"]["name"], json.loads(said["call"]["arguments"])) == ("weather", {"place": "Bonn"})
    assert said["refused"] == [404, "model_not_found"]
