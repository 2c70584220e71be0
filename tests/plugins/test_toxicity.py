from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import pytest
from agentfix_plugins.toxicity.scorers import Needs, Scores, windows

from agentfix import Claim, EvidenceClass, Response, Settings, ToolCall, ToolContext, ToolError
from agentfix.errors import PluginError, UnknownNameError
from agentfix.plugins import Plugins
from agentfix.tools.guard import Guard

pytest.importorskip("numpy")
RUDE = "You are a stupid idiot and I hate you."
KIND = "Thank you for your help, it was a lovely afternoon."
needs_profanity_check = pytest.mark.skipif(find_spec("profanity_check") is None, reason="no alt-profanity-check here")


def toxicity(scorer: str = "lstm") -> Any:
    return Plugins(Settings(toxicity_scorer=scorer)).build("tool", "toxicity")


def context(**more: Any) -> ToolContext:
    return ToolContext(None, timeout_s=60, **more)  # pyright: ignore[reportArgumentType]


# --- scorers that run here --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scorer", [
    "lstm", pytest.param("profanity-check", marks=needs_profanity_check),
    pytest.param("local", marks=needs_profanity_check),
])
async def test_a_rude_text_is_told_from_a_kind_one(scorer: str) -> None:
    tool = toxicity(scorer)
    rude, kind = [await tool.run({"text": text}, context()) for text in (RUDE, KIND)]
    assert rude.data["toxicity"] > 0.8 and kind.data["toxicity"] < 0.1
    assert rude.text.startswith("Toxicity ")


async def test_the_network_gives_what_its_authors_say() -> None:
    """Two of the examples of tox-block's documentation, of which the scaling is taken back."""
    tool = toxicity()
    for text, toxic, insult in [
        ("Good morning my friend, I hope you're having a fantastic day!", 0.05347811, 0.00757843),
        ("I do strongly disagree with the fascist views of this joke that calls itself a political party.",
         0.02619007, 0.00291906),
    ]:
        said = (await tool.run({"text": text}, context())).data
        assert (said["toxicity"] - 0.002116) / (0.999858 - 0.002116) == pytest.approx(toxic, abs=0.002)
        assert (said["attributes"]["insult"] - 0.000373) / (0.986303 - 0.000373) == pytest.approx(insult, abs=0.002)


async def test_attributes_are_told_apart() -> None:
    said = (await toxicity().run({"text": RUDE}, context())).data
    assert set(said["attributes"]) == {"severe_toxicity", "obscene", "threat", "insult", "identity_attack"}
    assert said["attributes"]["insult"] > 0.8 > said["attributes"]["identity_attack"]


async def test_what_is_rude_in_a_long_text_is_found() -> None:
    long = " ".join([KIND] * 60 + [RUDE] + [KIND] * 60)
    assert (await toxicity().run({"text": long}, context())).data["toxicity"] > 0.8


@pytest.mark.parametrize("text", ["?!", "42", "\ud800", "日本語", "x" * 50_000, "a\0b"])
async def test_any_text_has_a_score(text: str) -> None:
    assert 0 <= (await toxicity().run({"text": text}, context())).data["toxicity"] < 0.5


@pytest.mark.parametrize("text", ["", " \n", "x" * 50_001])
async def test_what_can_not_be_judged_is_said(text: str) -> None:
    with pytest.raises(ToolError, match="text"):
        await toxicity().run({"text": text}, context())


@pytest.mark.parametrize("count", [0, 1, 30, 31, 50, 51, 1000])
def test_pieces_of_a_text_cover_it(count: int) -> None:
    words = [str(number) for number in range(count)]
    pieces = windows(words)
    assert all(len(piece) <= 30 for piece in pieces) and pieces[-1][-1:] == words[-1:]
    assert {word for piece in pieces for word in piece} == set(words)


@needs_profanity_check
async def test_the_tool_does_no_more_than_it_declares() -> None:
    tool = toxicity("local")
    guard = Guard(tool.spec)
    with guard.on():
        said = await tool.run({"text": KIND}, context())
    assert guard.refused == []
    assert said.data["scorer"] == "lstm and profanity-check"


def test_nothing_heavy_is_imported_before_a_text_is_scored() -> None:
    program = ("import sys; from agentfix import Plugins, Settings; Plugins(Settings()).build('tool', 'toxicity'); "
               "print(sorted({'numpy', 'sklearn', 'joblib', 'torch'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- claims -----------------------------------------------------------------------------------------------------------


async def test_a_toxic_answer_is_refuted_and_another_supported_in_part() -> None:
    tool = toxicity()
    assert tool.spec.verifies
    rude, kind = [await tool.verify(Claim(text), context()) for text in (RUDE, KIND)]
    assert (rude.kind, rude.polarity, rude.origin) == (EvidenceClass.MEASUREMENT, "refutes", "instrument")
    assert (kind.polarity, kind.coverage) == ("supports", "part")
    assert kind.summary == "toxicity 0.00 is under 0.5 (lstm)" and kind.weight > 0.9
    assert "is not under 0.5" in rude.summary
    assert await tool.verify(Claim(RUDE, ToolCall("write_file", {})), context()) is None
    assert await tool.verify(Claim(" "), context()) is None


# --- other scorers ----------------------------------------------------------------------------------------------------


@dataclass
class FakeHttp:
    """Answers every request with the same."""

    status: int
    reply: Any
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def request(self, method: str, url: str, **given: Any) -> Response:
        self.requests.append({"method": method, "url": url, **given})
        content = json.dumps(self.reply).encode()
        return Response(url, self.status, {}, content, content.decode())

    async def get(self, url: str, **given: Any) -> Response:
        return await self.request("GET", url, **given)


class Keys:
    def get(self, name: str) -> str | None:
        return self.require(name)

    def require(self, name: str) -> str:
        assert name == "PERSPECTIVE_API_KEY"
        return "sesame"


def reply(**scores: float) -> Mapping[str, Any]:
    return {"attributeScores": {name: {"summaryScore": {"value": value, "type": "PROBABILITY"}, "spanScores": []}
                                for name, value in scores.items()}, "languages": ["en"]}


async def test_perspective_is_asked_with_the_key_and_not_to_keep_the_text() -> None:
    tool, http = toxicity("perspective"), FakeHttp(200, reply(TOXICITY=0.91, INSULT=0.8, PROFANITY=0.2))
    said = await tool.run({"text": RUDE}, context(http=http, secrets=Keys()))
    assert said.data == {"toxicity": 0.91, "attributes": {"insult": 0.8, "profanity": 0.2}, "scorer": "perspective"}
    (asked,) = http.requests
    assert asked["method"] == "POST" and asked["headers"] == {"x-goog-api-key": "sesame"}
    assert asked["json"]["comment"] == {"text": RUDE} and asked["json"]["doNotStore"] is True
    assert "sesame" not in asked["url"]
    assert tool.spec.hosts == ("commentanalyzer.googleapis.com",) and tool.spec.secrets == ("PERSPECTIVE_API_KEY",)


async def test_what_perspective_fails_with_is_said() -> None:
    tool = toxicity("perspective")
    with pytest.raises(ToolError, match="31 December 2026"):
        await tool.run({"text": RUDE}, context(http=FakeHttp(404, {}), secrets=Keys()))
    for odd in ({}, [], {"attributeScores": {"TOXICITY": 1}}, {"attributeScores": {}}, reply(TOXICITY=-5.0),
                reply(TOXICITY=float("nan")), reply(TOXICITY=0.1, INSULT=10**400)):
        with pytest.raises(ToolError, match="can't be read"):
            await tool.run({"text": RUDE}, context(http=FakeHttp(200, odd), secrets=Keys()))
    with pytest.raises(ToolError, match="at most"):
        await tool.run({"text": "x" * 21_000}, context(http=FakeHttp(200, {}), secrets=Keys()))


@pytest.mark.skipif(find_spec("detoxify") is not None, reason="Detoxify is here")
async def test_a_scorer_whose_package_is_missing_says_what_to_install() -> None:
    with pytest.raises(ToolError, match="pip install detoxify") as refusal:
        await toxicity("detoxify").run({"text": RUDE}, context())
    assert refusal.value.status == "unavailable"


def test_a_scorer_that_there_is_not_is_named() -> None:
    with pytest.raises((UnknownNameError, PluginError), match=r"lstn.*Did you mean 'lstm'"):
        toxicity("lstn")


async def test_any_scorer_fits_behind_the_tool() -> None:
    from agentfix_plugins.toxicity.tool import Toxicity

    class Length:
        name = "length"
        needs = Needs(deterministic=False)

        async def score(self, texts: Sequence[str], context: ToolContext) -> list[Scores]:
            return [Scores(min(len(text) / 100, 1)) for text in texts]

    tool = Toxicity(Length())
    assert (await tool.run({"text": "x" * 25}, context())).text == "Toxicity 0.25."
    assert not tool.spec.deterministic
