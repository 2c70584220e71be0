"""`agentfix eval` over real agents and a real journal; only the model is made up."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentfix import Agent, Completion, ModelRequest, Plugins, Register, Settings, Usage, hookimpl
from agentfix.cli.main import main


@dataclass(eq=False)
class Moody:
    """A model whose answer depends on what it is asked and on the seed, and whose time on chance."""

    chance: random.Random
    name: str = "moody"
    asked: list[str] = field(default_factory=list)

    async def generate(self, request: ModelRequest, *, on_delta: Any = None) -> list[Completion]:
        said = [message.content for message in request.messages]
        asked = f"{said} {request.sampling} {request.n} {request.schema}"
        self.asked.append(asked)
        for _ in range(self.chance.randrange(20)):
            await asyncio.sleep(0)
        mood = random.Random(asked if request.sampling.temperature else f"{said} {request.schema}")
        usage = Usage(20, 0, mood.randrange(5, 40), 1)
        return [Completion(self._reply(request, mood), usage=usage) for _ in range(request.n)]

    def _reply(self, request: ModelRequest, mood: random.Random) -> str:
        if request.schema is None:
            return str(mood.choice([7, 7, 8, 9]))
        return json.dumps({"feedback": "Count again.", "verdict": mood.choice(["accept", "revise", "revise"])})

    async def aclose(self) -> None: ...

    @hookimpl
    def agentfix_register_models(self, register: Register) -> None:
        register("moody", lambda build: self)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTFIX_KIND", "text")
    monkeypatch.setenv("AGENTFIX_REQUIRE", "opinion")
    lines = [json.dumps({"id": f"q{n}", "question": f"What is {n} and {7 - n}?", "answer": "7"}) for n in range(6)]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return "sums.jsonl"


def evaluate(rows: str, folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
             *options: str) -> tuple[dict[str, Any], Moody]:
    """The object that is printed, without what time decides, and the model."""
    monkeypatch.setenv("AGENTFIX_DATA_DIR", folder)
    model = Moody(random.Random(folder))

    def make(settings: Settings) -> Agent:
        return Agent(settings, Plugins(settings, {"moody": model}), reuse=True)

    arguments = ["eval", rows, "--model", "moody:", "--strategy", "self-refine", "--strategy", "none", "--repeats", "2"]
    assert main([*arguments, "--json", "--quiet", *options], make_agent=make) == 0
    told = json.loads(capsys.readouterr().out)
    for part in (*told["strategies"], *told["items"]):
        for name in ("seconds", "cached_prompt_tokens", "run_id"):
            part.pop(name, None)
    return told, model


def test_a_table_is_the_same_however_many_items_run_at_once(rows: str, capsys: pytest.CaptureFixture[str],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    alone, model = evaluate(rows, "alone", capsys, monkeypatch, "--concurrency", "1")
    at_once, hurried = evaluate(rows, "at-once", capsys, monkeypatch, "--concurrency", "5")
    assert at_once == alone
    assert sorted(hurried.asked) == sorted(model.asked)
    assert len(set(model.asked)) == len(model.asked), "what one strategy asked is not asked again for another"
    names = [strategy["strategy"] for strategy in alone["strategies"]]
    assert names == ["self-refine", "self-consistency@self-refine", "best-of-n@self-refine", "none"]
    assert len({strategy["first_accuracy"]["value"] for strategy in alone["strategies"]}) == 1
    refined = [item for item in alone["items"] if item["strategy"] == "self-refine"]
    assert len(refined) == 12
    assert all(item["stages"][-1]["completion_tokens"] == item["completion_tokens"] for item in refined)
    assert all(item["stages"][-1]["correct"] == item["correct"] for item in refined)


def test_the_runs_of_an_evaluation_are_found_again(rows: str, capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(rows, "data", capsys, monkeypatch, "--output", "out.jsonl", "--limit", "2", "--no-baselines")
    evaluate(rows, "data", capsys, monkeypatch, "--limit", "1", "--seed", "9")
    assert main(["runs", "list", "--of", "out.jsonl", "--json"]) == 0
    found = {run["id"]: run for run in json.loads(capsys.readouterr().out)["runs"]}
    records = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()[1:]]
    assert {record["run_id"]: record["strategy"] for record in records} == {
        name: run["strategy"] for name, run in found.items()}
    assert len(found) == 8
    told = {record["run_id"]: (record["item"], record["repeat"], record["correct"]) for record in records}
    assert told == {name: (run["item"], run["repeat"], run["correct"]) for name, run in found.items()}
    assert main(["runs", "list", "--of", "out.jsonl"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = [" ".join(line.split()[:3]) for line in lines[1::2]]
    assert sorted(shown) == sorted(
        f"{'right' if r['correct'] else 'wrong'} {r['item']}{f'#{n}' if (n := r['repeat']) else ''} {r['strategy']}"
        for r in records)
    assert all(len(line) <= 80 for line in lines)
    assert main(["runs", "list", "--of", "out.jsonl", "--limit", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[:6], "the newest"
    assert main(["runs", "list", "--of", "sums.jsonl"]) == 2
    assert "not a record" in capsys.readouterr().err
