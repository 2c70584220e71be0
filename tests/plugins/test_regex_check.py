from __future__ import annotations

from typing import Any

import pytest

from agentfix import Observation, Settings, ToolContext, ToolError
from agentfix.plugins import Plugins

TEXT = "ada@example.org, bob@example.com"


@pytest.fixture
def check():
    tool = Plugins(Settings()).build("tool", "regex_check")

    async def run(timeout_s: float = 30, **arguments: Any) -> Observation:
        return await tool.run(arguments, ToolContext(None, timeout_s))

    return run


async def test_matches_are_told_with_places_and_groups(check) -> None:
    seen = await check(pattern=r"(\w+)@(?P<host>\w+)", text=TEXT)
    assert seen.text == ("2 matches:\n0-11: 'ada@example' (groups 1='ada', host='example')\n"
                         "17-28: 'bob@example' (groups 1='bob', host='example')")
    assert seen.data["matches"][1] == {"start": 17, "end": 28, "text": "bob@example",
                                       "groups": {"1": "bob", "host": "example"}}


@pytest.mark.parametrize(("arguments", "text"), [
    ({"pattern": "x", "text": "abc"}, "No match."),
    ({"pattern": "b", "text": "abc"}, "1 match:\n1-2: 'b'"),
    ({"pattern": "b", "text": "abc", "mode": "whole"}, "The text as a whole does not match."),
    ({"pattern": "[a-c]+", "text": "abc", "mode": "whole"}, "The whole text matches."),
    ({"pattern": "(a)|(b)", "text": "b", "mode": "whole"}, "The whole text matches. (groups 1=nothing, 2='b')"),
    ({"pattern": "B", "text": "abc", "ignore_case": True}, "1 match:\n1-2: 'b'"),
    ({"pattern": "^b$", "text": "a\nb", "multiline": True}, "1 match:\n2-3: 'b'"),
    ({"pattern": "a.b", "text": "a\nb", "dot_all": True}, "1 match:\n0-3: 'a\\nb'"),
    ({"pattern": "é", "text": "café\ud83d"}, "1 match:\n3-4: 'é'"),
])
async def test_what_is_told(check, arguments: dict[str, Any], text: str) -> None:
    assert (await check(**arguments)).text == text


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "[", "(?P<a>x)(?P<a>y)", "a{999999999999}", "(?<=a+)b", "\\",
                                     "(?u)(?a)x"])
async def test_a_pattern_that_is_none_is_said(check, pattern: str) -> None:
    with pytest.raises(ToolError, match="can't be used"):
        await check(pattern=pattern, text="a")


@pytest.mark.parametrize(("pattern", "text"), [
    ("(a+)+$", "a" * 60 + "b"),
    (r"(\w|\w\w)*$", "1" * 60 + "!"), ("(.*)*(.*)*=", "a" * 60), (r"^(a|a?)+$", "a" * 60 + "b"),
])
async def test_a_pattern_that_would_take_forever_is_stopped(check, pattern: str, text: str) -> None:
    with pytest.raises(ToolError, match="did not come to an end") as stopped:
        await check(timeout_s=0.5, pattern=pattern, text=text)
    assert stopped.value.status == "timeout"


async def test_what_is_found_is_bounded(check) -> None:
    seen = await check(pattern="(.*)", text="x" * 90_000)
    assert len(seen.text) < 1_000
    assert len(seen.data["matches"][0]["text"]) == 500
    assert (await check(pattern="a", text="a" * 1_000)).text.startswith("more than 200 matches")
    with pytest.raises(ToolError, match="at most"):
        await check(pattern="a" * 3_000, text="")
