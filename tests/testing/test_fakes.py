"""What plays a part's surroundings in tests of plugins."""

from __future__ import annotations

import pytest

from agentfix import (
    Agent,
    Asked,
    Attempt,
    Http,
    Message,
    Observation,
    Passage,
    Plugins,
    Response,
    Secrets,
    Settings,
    ToolCall,
    ToolError,
    hookimpl,
    tool,
)
from agentfix.testing import ScriptedModel, ScriptedSearch, ScriptedTool, critic_context, tool_context
from tests.stories import FOLDER

URL = "https://api.example.org/v1"


@tool(hosts=("api.example.org",), secrets=("EXAMPLE_KEY",))
async def weather(city: str, *, http: Http, secrets: Secrets) -> str:
    """Say what the weather is like."""
    page = await http.get(URL, params={"q": city, "key": secrets.require("EXAMPLE_KEY")})
    return page.json()["sky"] if page.status == 200 else "unknown"


async def test_a_tool_is_given_pages_and_keys():
    context = tool_context(pages={URL: {"sky": "clear"}}, secrets={"EXAMPLE_KEY": "k"})
    assert (await weather.run({"city": "Oslo"}, context)).text == "clear"
    assert context.http.requests == [("GET", f"{URL}?q=Oslo&key=k")]


@pytest.mark.parametrize(("page", "said"), [
    (ToolError("too slow", status="timeout"), "timeout"), ("no JSON", "error"),
    (Response(URL, 404, {}, b"", ""), "ok")])
async def test_servers_fail_as_they_do(page, said):
    context = tool_context(pages={URL: page}, secrets={"EXAMPLE_KEY": "k"})
    try:
        status = (await weather.run({"city": "x"}, context)).status
    except ToolError as error:
        status = error.status
    assert status == said


async def test_what_is_not_given_is_an_error_of_the_test_or_of_the_user():
    with pytest.raises(AssertionError, match="no page was given"):
        await weather.run({"city": "x"}, tool_context(secrets={"EXAMPLE_KEY": "k"}))
    with pytest.raises(ToolError, match="not set"):
        await weather.run({"city": "x"}, tool_context(secrets={"EXAMPLE_KEY": None}))
    with pytest.raises(ToolError, match="not declared"):
        await weather.run({"city": "x"}, tool_context())


async def test_a_scripted_tool_fails_when_it_is_called_too_often_or_too_seldom():
    lookup = ScriptedTool("lookup", ["Paris", ToolError("gone")])
    assert (await lookup.run({"q": "France"}, tool_context())).text == "Paris"
    with pytest.raises(AssertionError, match="called 1 times, but its script has 2"):
        lookup.assert_done()
    with pytest.raises(ToolError, match="gone"):
        await lookup.run({}, tool_context())
    lookup.assert_done()
    with pytest.raises(AssertionError, match="called 3 times"):
        await lookup.run({}, tool_context())
    assert lookup.calls == [{"q": "France"}, {}, {}]


async def test_a_scripted_search_keeps_its_queries():
    search = ScriptedSearch({"Ada": [Passage("Ada", "She wrote it."), Passage("Ada 2", "More.")]})
    assert [passage.title for passage in await search.search("Ada", 1)] == ["Ada"]
    assert await search.search("Bob", 3) == []
    assert search.queries == ["Ada", "Bob"]


async def test_a_critic_is_given_a_model_and_what_it_asked_for():
    model = ScriptedModel(["fine"])
    asked = Asked(ToolCall("python", {}), Observation("python", "ok", "42"))
    attempt = Attempt(0, None, "actor", "m", "42", "42")
    context = critic_context(model, attempts=[attempt], asked=[asked])
    [reply] = await context.ask([Message("user", "Is it so?")], max_tokens=9)
    assert (reply.text, model.requests[0].sampling.max_tokens, context.model) == ("fine", 9, "scripted")
    assert (context.tree.attempts, context.asked) == ((attempt,), (asked,))
    assert await context.verify("python", None) is None
    model.assert_done()


async def test_a_recorded_run_is_a_test_without_a_model(tmp_path):
    """As an author would: the observer is new, what models and tools said is recorded."""
    seen = []

    class Observer:
        @hookimpl
        def agentfix_on_event(self, event):
            seen.append(event.kind)

    settings = Settings(journal="memory", data_dir=tmp_path)
    async with Agent(settings, Plugins(settings, {"observer": Observer()})) as agent:
        result = await agent.areplay(FOLDER / "shirt.jsonl")
    assert result.answer == "80"
    assert seen.count("attempt") == len(result.attempts)
