from __future__ import annotations

import asyncio
import json
import signal
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentfix.cli.main import main
from agentfix.settings import Settings
from agentfix.types import Attempt, EvidenceClass, Result, Task, Usage


@dataclass
class FakeAgent:
    """Answers 1 at first; under `critic`, 2 in the end. Is interrupted at a question that says so."""

    settings: Settings
    asked: list[str] = field(default_factory=list)

    def __call__(self, settings: Settings) -> FakeAgent:
        return FakeAgent(settings, self.asked)

    async def __aenter__(self) -> FakeAgent:
        return self

    async def __aexit__(self, *args: object) -> None: ...

    async def arun(self, task: Task, *, strategy: str | None = None, seed: int | None = None) -> Result:
        if "interrupt" in task.question:
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()
        self.asked.append(task.question)
        answers = ["1"] if strategy == "none" else ["1", "2"]
        attempts = tuple(Attempt(n, None, "actor", "fake", "", answer) for n, answer in enumerate(answers))
        return Result("run", answers[-1], EvidenceClass.AGREEMENT, False, "supported", "", len(answers) - 1, "math",
                      attempts, (), (), Usage(100, 40, 10, 1, 1), 2.0)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any]] = [{"question": f"question {n}", "answer": 2} for n in range(3)]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_a_table_compares_the_strategies(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", str(data), "--strategy", "none", "--strategy", "critic", "--no-baselines"]
    status = main(arguments, make_agent=FakeAgent(Settings()))
    out, err = capsys.readouterr()
    assert status == 0
    table = {line[:20].strip(): line[20:].split() for line in out.splitlines()}
    assert table["items"] == ["3", "3"]
    assert table["wrong -> right"] == ["0", "3"]
    compared = next(line.split("  ") for line in out.splitlines() if line.startswith("none, critic"))
    assert [cell.strip() for cell in compared if cell] == [
        "none, critic", "-100.0 points", "0", "3", "0.25", "10, 10"]
    assert "100.0%" in out and "\x1b" not in out
    assert len(err.splitlines()) == 6 and "wrong -> right" in err


def test_of_many_strategies_each_has_a_line_that_fits_a_terminal(data: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    listed = [word for name in ("none", "critic", "mcts", "self-refine") for word in ("--strategy", name)]
    assert main(["eval", str(data), *listed, "--no-baselines", "--quiet"], make_agent=FakeAgent(Settings())) == 0
    out, _ = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert lines["none"].split()[-6:] == ["+0.0", "0", "0", "10", "1.0", "2.0"]
    assert lines["mcts"].split()[-6:] == ["+100.0", "3", "0", "10", "1.0", "2.0"]
    assert "3 items" in out and all(len(line) <= 80 for line in out.partition("compared")[0].splitlines())


def test_a_plot_is_not_written_over_what_is_read_or_where_it_can_not_be(data: Path, tmp_path: Path,
                                                                        capsys: pytest.CaptureFixture[str]) -> None:
    before, agent = data.read_bytes(), FakeAgent(Settings())
    for plot, said in ((data, "would be written over"), (tmp_path / "missing" / "a.svg", "can't be written")):
        assert main(["eval", str(data), "--strategy", "none", "--plot", str(plot)], make_agent=agent) == 2
        assert said in capsys.readouterr().err
    assert data.read_bytes() == before and agent.asked == []


def test_json_is_one_object(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "mine", "--data-dir", str(data.parent), "--strategy", "critic", "--json", "--quiet",
                 "--limit", "2", "--no-baselines"]
    assert main(arguments, make_agent=FakeAgent(Settings())) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == "" and told["strategies"][0]["wrong_to_right"] == 2
    assert [item["item"] for item in told["items"]] == ["mine-0", "mine-1"]


def test_each_strategy_is_beside_sampling_at_its_price(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(data), "--strategy", "critic", "--quiet"], make_agent=FakeAgent(Settings())) == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[0].split() == ["critic", "self-consistency@critic", "best-of-n@critic"]
    assert "critic, self-consistency@critic" in out and "critic, best-of-n@critic" in out
    arguments = ["eval", str(data), "--strategy", "self-consistency:3", "--quiet"]
    assert main(arguments, make_agent=FakeAgent(Settings())) == 0
    assert "@" not in capsys.readouterr().out


def test_neither_concurrency_nor_an_interruption_changes_what_is_told(data: Path,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", str(data), "--strategy", "critic", "--repeats", "2", "--json", "--quiet"]
    told: list[str] = []
    for more in (["--concurrency", "1"], ["--concurrency", "3"], ["--output", "out.jsonl"], ["--output", "out.jsonl"]):
        assert main([*arguments, *more], make_agent=FakeAgent(Settings())) == 0
        told.append(capsys.readouterr().out)
        output = data.parent / "out.jsonl"
        if output.exists():
            lines = output.read_bytes().splitlines(keepends=True)
            output.write_bytes(b"".join([lines[0], *reversed(lines[3:])]))
    assert len(set(told)) == 1
    assert [(item["item"], item["repeat"]) for item in json.loads(told[0])["items"]][::3] == [
        ("mine-0", 0), ("mine-1", 0), ("mine-2", 0), ("mine-0", 1), ("mine-1", 1), ("mine-2", 1)]


def test_a_plot_is_written_and_strategies_remember_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given: list[Settings] = []

    def make(settings: Settings) -> FakeAgent:
        given.append(settings)
        return FakeAgent(settings)

    assert main(["eval", str(data), "--strategy", "critic", "--quiet", "--plot", "curve.svg", "--deterministic"],
                make_agent=make) == 0
    assert "self-consistency@critic" in (data.parent / "curve.svg").read_text(encoding="utf-8")
    assert [(settings.memory, settings.deterministic) for settings in given] == [(False, True)]
    arguments = ["eval", str(data), "--quiet", "--plot", str(data / "curve.svg")]
    assert main(arguments, make_agent=make) == 2
    out, err = capsys.readouterr()
    assert "results right" in out and "can't be written" in err


def test_what_is_no_strategy_is_said_before_anything_is_asked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = FakeAgent(Settings())
    assert main(["eval", str(data), "--strategy", "critic", "--strategy", "debate:99"], make_agent=agent) == 2
    assert agent.asked == [] and "from 1 to 16" in capsys.readouterr().err


def test_output_is_resumed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent, output = FakeAgent(Settings()), data.parent / "out.jsonl"
    for limit in ("1", "3"):
        arguments = ["eval", str(data), "--output", str(output), "--limit", limit, "--no-baselines"]
        assert main(arguments, make_agent=agent) == 0
    assert agent.asked == ["question 0", "question 1", "question 2"]
    assert main(["eval", str(data), "--output", str(output), "--seed", "5"], make_agent=agent) == 2
    assert "seed" in capsys.readouterr().err


def test_results_of_a_file_whose_rows_were_changed_are_not_mixed_in(data: Path,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    agent, arguments = FakeAgent(Settings()), ["eval", str(data), "--output", "out.jsonl", "--no-baselines", "--quiet"]
    assert main(arguments, make_agent=agent) == 0
    with data.open("a", encoding="utf-8") as file:
        file.write('\n{"question": "another", "answer": 2}')
    assert main(arguments, make_agent=agent) == 0
    assert agent.asked[3:] == ["another"]
    data.write_text(data.read_text(encoding="utf-8").replace("2}", "3}", 1), encoding="utf-8")
    assert main(arguments, make_agent=agent) == 2
    assert "holds results of 'mine-0', which was another row then" in capsys.readouterr().err


def test_the_data_are_not_taken_for_the_output(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = data.read_bytes()
    assert main(["eval", str(data), "--output", str(data)], make_agent=FakeAgent(Settings())) == 2
    assert "not a record of an evaluation" in capsys.readouterr().err
    assert data.read_bytes() == before


def test_ctrl_c_prints_what_is_finished(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with data.open("a", encoding="utf-8") as file:
        file.write('\n{"question": "interrupt me", "answer": 2}\n')
    assert main(["eval", str(data), "--no-baselines"], make_agent=FakeAgent(Settings())) == 130
    out, err = capsys.readouterr()
    assert "results right" in out and "stopped" in err


@pytest.mark.parametrize("strategy", ["mcts:foo", "abstain:0.8:nonesuch"])
def test_a_strategy_that_can_not_be_had_ends_it_before_anything_is_asked(
        strategy: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = FakeAgent(Settings())
    status = main(["eval", str(data), "--strategy", "critic", "--strategy", strategy], make_agent=agent)
    assert (status, agent.asked) == (2, [])
    assert strategy.rpartition(":")[2] in capsys.readouterr().err


def test_a_missing_file_is_misuse(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "nothing"], make_agent=FakeAgent(Settings())) == 2
    assert "--data-dir" in capsys.readouterr().err


def test_a_plugin_of_the_command_line_brings_a_data_set(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = data.parent / "doubles.py"
    plugin.write_text(textwrap.dedent("""
        from agentfix import Score, Task, hookimpl

        class Same:
            def __init__(self, wanted):
                self.wanted = wanted

            async def score(self, answer, judge):
                return Score(answer == self.wanted, 0.0)

        class Doubles:
            def read(self, row):
                return Task(f"Twice {row['answer'] / 2}?"), Same(str(row["answer"]))

        @hookimpl
        def agentfix_register_datasets(register):
            register("doubles", lambda build: Doubles())
    """))
    agent = FakeAgent(Settings())
    arguments = ["eval", "mine.jsonl", "--format", "doubles", "--strategy", "critic", "--no-baselines", "--json"]
    assert main([*arguments, "--plugin", "doubles.py"], make_agent=agent) == 0
    assert json.loads(capsys.readouterr().out)["strategies"][0]["wrong_to_right"] == 3
    assert agent.asked == ["Twice 1.0?"] * 3
    plugin.write_text("import nothing_of_that_name")
    assert main([*arguments, "--plugin", "doubles.py"], make_agent=agent) == 2
    err = capsys.readouterr().err
    assert "nothing_of_that_name" in err and "There is no format named 'doubles'" in err
