"""Recorded answers are judged by critics alone: real runs with a scripted model, and what is counted of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agentfix import Agent, Critique, InputError, Settings, Usage, hookimpl
from agentfix.cli.main import main
from agentfix.evals import RecordLines
from agentfix.evals.critic_summary import summarise_critics
from agentfix.evals.criticism import CriticEvaluation, CriticRecord
from agentfix.evals.judged import JudgedAnswer, load_judged
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.steps import steps_of
from agentfix.testing import ScriptedModel, script_plugin

STEPS = ["A cask holds 9 litres.\n\nWith 4 casks there are:", "4 * 9 = 36 litres.", "Half of them are 17 litres."]
PROCESS = {"id": "casks", "problem": "How much are half of 4 casks of 9 litres?", "steps": STEPS, "label": 2}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def read(tmp_path: Path, *rows: dict[str, Any]) -> list[JudgedAnswer]:
    return load_judged(str(write(tmp_path / "judged.jsonl", *rows)))


@pytest.mark.parametrize(("label", "right"), [
    (True, True), (False, False), ("correct", True), ("Incorrect", False), (1, True), (0, False), ("true", True)])
def test_a_label_says_whether_an_answer_is_right(tmp_path: Path, label: object, right: bool) -> None:
    [answer] = read(tmp_path, {"question": "How many?", "answer": 7, "label": label})
    assert (answer.id, answer.answer, answer.right, answer.located) == ("judged-0", "7", right, False)


def test_steps_have_a_label_that_says_which_is_wrong(tmp_path: Path) -> None:
    wrong, right = read(tmp_path, PROCESS, {**PROCESS, "id": "others", "label": -1})
    assert (wrong.id, wrong.right, wrong.wrong_step, wrong.located) == ("casks", False, 2, True)
    assert (right.right, right.wrong_step) == (True, None)


@pytest.mark.parametrize(("row", "problem"), [
    ({"question": "How many?", "answer": "7", "label": "perhaps"}, "'perhaps' says neither"),
    ({"question": "How many?", "answer": " ", "label": True}, "no answer"),
    ({**PROCESS, "label": 3}, "3 is no step of 3"),
    ({**PROCESS, "label": True}, "True is no step"),
    ({"answer": "7", "label": True}, "field 'question'"),
])
def test_a_row_that_can_not_be_used_is_named(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=f"line 2: .*{problem}"):
        read(tmp_path, PROCESS, row)


def test_a_step_of_the_text_is_found_in_the_step_of_the_row_that_holds_it(tmp_path: Path) -> None:
    [answer] = read(tmp_path, PROCESS)
    assert len(steps_of(answer.answer)) == 4
    assert [answer.row_step(n) for n in (-1, 0, 1, 2, 3, 4)] == [None, 0, 0, 1, 2, None]
    [answer] = read(tmp_path, {**PROCESS, "steps": ["One.\nTwo.", "```\nThree\n```"], "label": 0})
    assert [answer.row_step(n) for n in range(5)] == [0, 0, 1, 1, 1]


class Careful:
    """Says what the answer is worth by a number that it looks for."""

    name = "careful"

    async def review(self, task, attempts, context):
        text = attempts[0].text
        wrong = next((n for n, step in enumerate(steps_of(text)) if "17" in step), None)
        if "silence" in task.question:
            return []
        verdict = "accept" if wrong is None else "revise"
        return [Critique(0, "careful", verdict, f"step {wrong}", score=0.9 if wrong is None else 0.2, step=wrong)]


class Brings:
    @hookimpl
    def agentfix_register_critics(self, register):
        register("careful", lambda build: Careful())


def agent(*steps: Any) -> Agent:
    settings = Settings(model="scripted:", sandbox="embedded")
    plugins = Plugins(settings, {"script": script_plugin(ScriptedModel(steps)), "brings": Brings()})
    return Agent(settings, plugins, journal=SqliteJournal(None))


async def test_each_critic_judges_each_answer_alone_and_no_actor_is_asked(tmp_path: Path) -> None:
    answers = read(tmp_path, PROCESS, {"question": "How many are half of 36?", "answer": "18", "label": True},
                   {"question": "Who keeps silence?", "answer": "Nobody.", "label": False})
    verdicts = [f'{{"feedback": "", "verdict": "{word}"}}' for word in ("accept", "accept", "abstain")]
    async with agent(*verdicts) as reviews:
        records = [r async for r in CriticEvaluation(reviews, answers, ["careful", "self-critique"]).records()]
    careful, opinion = records[::2], records[1::2]
    assert [(r.verdict, r.step, r.score) for r in careful] == [("revise", 2, 0.2), ("accept", None, 0.9),
                                                              ("abstain", None, None)]
    assert [(r.told_apart, r.found, bool(r.error)) for r in careful] == [
        (True, True, False), (True, True, False), (False, False, False)], "who says nothing abstains"
    assert [(r.verdict, r.model_calls) for r in opinion] == [("accept", 1), ("accept", 1), ("abstain", 1)]
    assert careful[0].model_calls == 0 and opinion[0].completion_tokens == 4


async def test_a_model_that_fails_at_one_answer_stops_nothing(tmp_path: Path) -> None:
    from agentfix import ModelError

    answers = read(tmp_path, {"question": "Who kept the lighthouse?", "answer": "Ida", "label": True},
                   {"question": "Who kept the harbour?", "answer": "Ole", "label": True})
    async with agent(ModelError("It broke."), '{"feedback": "", "verdict": "accept"}') as reviews:
        records = [r async for r in CriticEvaluation(reviews, answers, ["self-critique"]).records()]
    assert [(r.verdict, r.error) for r in records] == [(None, "failed: It broke."), ("accept", "")]


def record(right: bool, verdict: Any, *, score: float | None = None, steps: tuple[int | None, int | None] | None = None,
           **more: Any) -> CriticRecord:
    found, wrong = steps or (None, None)
    return CriticRecord(f"i{id(more)}", "c", right, wrong, steps is not None, verdict, found, score, **more)


def test_f1_is_the_harmonic_mean_of_the_accuracies_and_asks_for_the_very_step() -> None:
    # 3 of 4 right ones accepted; 3 of 4 wrong ones refused, of 2 of them the step is named.
    right = [record(True, word, steps=(None, None)) for word in ("accept", "accept", "accept", "revise")]
    wrong = [record(False, "revise", steps=(1, 1)), record(False, "revise", steps=(2, 2)),
             record(False, "revise", steps=(0, 2)), record(False, "accept", steps=(None, 3))]
    [summary] = summarise_critics([*right, *wrong], ["c", "d"])
    assert (summary.right_accepted.value, summary.wrong_refused.value, summary.f1.value) == (0.75, 0.75, 0.75)
    assert (summary.step_found.value, summary.step_f1.value) == (0.5, pytest.approx(0.6))
    assert summary.f1.low <= 0.75 <= summary.f1.high and summary.step_f1.low < summary.step_f1.high


def test_a_critic_that_accepts_all_has_no_f1_and_one_that_abstains_is_not_right() -> None:
    [summary] = summarise_critics([record(True, "accept"), record(False, "accept")], ["c"])
    assert (summary.f1.value, summary.right_accepted.value, summary.step_f1, summary.auroc) == (0, 1, None, None)
    [summary] = summarise_critics([record(True, "abstain"), record(True, None, error="it broke")], ["c"])
    assert (summary.abstained, summary.errors, summary.right_accepted.value) == (1, 1, 0)
    assert summary.wrong_refused is None and summary.f1 is None


def test_of_few_answers_no_interval_is_drawn() -> None:
    def area(right: int, wrong: int) -> Any:
        scored = [record(True, "accept", score=0.5 + n % 5 / 10) for n in range(right)] + [
            record(False, "revise", score=n % 7 / 10) for n in range(wrong)]
        return summarise_critics(scored, ["c"])[0].auroc

    few, enough = area(40, 9), area(40, 10)
    assert 0.5 < few.value < 1 and (few.low, few.high) == (None, None)
    assert enough.low < enough.value < enough.high


def test_scores_are_held_against_what_is_right() -> None:
    scored = [record(True, "accept", score=0.9), record(True, "abstain", score=0.6), record(False, "revise", score=0.6),
              record(False, "revise", score=0.1), record(False, "revise")]
    [summary] = summarise_critics(scored, ["c"])
    assert (summary.scored, summary.auroc.value) == (4, pytest.approx(3.5 / 4))
    assert summary.ece == pytest.approx((0.1 + 0.2 + 0.1) / 4)


@dataclass
class FakeAgent:
    """Reviews as it is told; keeps what it was asked."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __call__(self, settings: Settings) -> FakeAgent:
        return self

    async def __aenter__(self) -> FakeAgent:
        return self

    async def __aexit__(self, *args: object) -> None: ...

    async def averify(self, task, answer, *, critics):
        from agentfix import Result

        if "interrupt" in task.question:
            raise KeyboardInterrupt
        self.asked.append((task.question, critics))
        said = Critique(0, critics[0], "revise" if answer == "8" else "accept", score=0.5)
        usage = Usage(100, 40, 10, 1, 1)
        return Result("run", answer, None, True, "reviewed", "", 0, "math", (), (said,), (), usage, 2.0)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(tmp_path / "judged.jsonl", *(
        {"question": f"How many gulls are on mast {n}?", "answer": 7 + n, "label": n % 2 == 0} for n in range(3)))


def test_a_table_has_a_column_for_each_critic(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval-critic", str(data), "--critic", "self-critique", "--critic", "program"]
    assert main(arguments, make_agent=FakeAgent()) == 0
    out, err = capsys.readouterr()
    table = {cells[0].strip(): cells[1:] for cells in (re.split("  +", line.strip()) for line in out.splitlines())}
    assert table["answers"] == ["3", "3"] and table["right ones accepted"][0].startswith("100.0%")
    assert table["seconds"] == ["2.0", "2.0"] and "first wrong step found" not in table
    assert len(err.splitlines()) == 6 and "revise, 2.0 s (the answer is wrong)" in err


@pytest.mark.parametrize(("named", "shown"), [(None, "-"), (1, "0.0% [")])
def test_a_critic_that_never_names_a_step_is_not_counted_by_steps(tmp_path: Path, capsys, named, shown) -> None:
    data = write(tmp_path / "steps.jsonl", PROCESS, {**PROCESS, "id": "others", "label": -1})
    records = [record(False, "revise", steps=(named, 2)), record(True, "accept", steps=(None, None))]
    output = tmp_path / "out.jsonl"
    header = {"judged": "steps", "model": Settings().model, "seed": 0, "sandbox": "auto", "kind": "auto"}
    with RecordLines(output, header, CriticRecord) as lines:
        for one, item in zip(records, ("casks", "others"), strict=True):
            lines.append(replace(one, item=item, critic="program"))
    arguments = ["eval-critic", str(data), "--critic", "program", "--output", str(output)]
    assert main(arguments, make_agent=FakeAgent()) == 0
    table = {line[:22].strip(): line[22:].strip() for line in capsys.readouterr().out.splitlines()}
    assert table["wrong ones refused"].startswith("100.0%")
    assert table["first wrong step found"].startswith(shown) and table["F1, with the step"].startswith(shown)


def test_a_critic_that_looks_like_no_other_is_answered_with_where_they_are_listed(data: Path, capsys) -> None:
    assert main(["eval-critic", str(data), "--critic", "zzz"], make_agent=FakeAgent()) == 2
    assert capsys.readouterr().err == \
        "agentfix: There is no critic named 'zzz'. See all of them with: agentfix critics\n"


def test_verdicts_are_resumed_from_the_output(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake, output = FakeAgent(), str(data.parent / "out.jsonl")
    arguments = ["eval-critic", "judged", "--data-dir", str(data.parent), "--critic", "program", "--output", output]
    for limit in ("1", "3"):
        assert main([*arguments, "--limit", limit, "--json", "--quiet"], make_agent=fake) == 0
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert len(fake.asked) == 3 and err == ""
    assert (told["critics"][0]["answers"], [a["item"] for a in told["answers"]]) == (
        3, ["judged-0", "judged-1", "judged-2"])
    assert main([*arguments, "--model", "openai:other"], make_agent=fake) == 2
    assert "model" in capsys.readouterr().err


def test_a_critic_that_there_is_not_is_misuse_before_anything_is_made(data: Path, capsys) -> None:
    def never(settings: Settings) -> None:
        raise AssertionError("an agent was made")

    assert main(["eval-critic", str(data), "--critic", "self-critic"], make_agent=never) == 2
    assert "self-critique" in capsys.readouterr().err


def test_ctrl_c_prints_what_is_finished(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with data.open("a", encoding="utf-8") as file:
        file.write('\n{"question": "interrupt me", "answer": 2, "label": true}\n')
    assert main(["eval-critic", str(data), "--critic", "program"], make_agent=FakeAgent()) == 130
    out, err = capsys.readouterr()
    assert "right ones accepted" in out and "stopped" in err
