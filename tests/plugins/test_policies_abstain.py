"""Policy `abstain`: answers are given where confidence is high enough, and the threshold keeps its promise."""

from __future__ import annotations

import json
import random

import pytest
from agentfix_plugins.policies.abstain import Abstain, read_threshold
from agentfix_plugins.policies.conformal import fit_threshold
from hypothesis import given
from hypothesis import strategies as st

from agentfix import (
    Agent,
    EvidenceClass,
    Expand,
    InputError,
    Plugins,
    Remaining,
    Review,
    Settings,
    Stop,
    Task,
    UsageError,
)
from agentfix.cli.main import main
from agentfix.evals import Record, RecordFile
from agentfix.testing import ScriptedModel, script_plugin
from tests.plugins.trees import said, tree

RUNS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.75, 0.9, 1.0]) | st.floats(0, 1), st.booleans()),
                min_size=1, max_size=25)
MANY = Remaining(rounds=8)


def moves(threshold, inner, held, budget=MANY):
    return Abstain(threshold).moves(lambda: list(inner), held, budget, {})


# --- the policy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "answered"), [
    (tree("1", critiques=[said(0, "supports")]), True), (tree("1", "1", "1"), True), (tree("1"), False),
    (tree("1", critiques=[said(0, "refutes")]), False), (tree("1", "2"), False), (tree(None), False),
], ids=["measured", "three agree", "nothing known", "refuted", "a tie", "no answer"])
def test_an_answer_is_given_where_confidence_is_above_the_threshold(held, answered):
    [stop] = moves(0.7, [Stop("all is done", 0)], held)
    assert stop.abstain is not answered
    assert stop.attempt == 0, "the answer is kept for whoever wants it all the same"
    if answered:
        assert stop == Stop("all is done", 0)
    else:
        assert "is not above 0.7" in stop.reason and held.standings[0].reason in stop.reason


def test_the_strategy_goes_on_as_it_would_alone():
    assert moves(0.7, [Expand(), Expand(role="derivation")], tree()) == [Expand(), Expand(role="derivation")]
    assert moves(0.7, [Review((0,)), Stop("done")], tree("1")) == [Review((0,))], "what is found may change the end"


def test_a_strategy_without_a_further_move_may_be_too_unsure_to_answer():
    assert moves(0.7, [], tree("1"))[0].abstain


@pytest.mark.parametrize("option", ["1.5", "-0.1", "nan", "0.5x"])
def test_a_threshold_that_is_none_is_refused(option):
    with pytest.raises(UsageError, match="from 0 to 1"):
        read_threshold(option)


async def run(strategy, replies, **changes):
    model = ScriptedModel(replies)
    settings = Settings(model="scripted:", strategy=strategy, sandbox="embedded", journal="memory", **changes)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        return await agent.arun(Task("What is the capital of Australia?", "text"))


async def test_a_run_says_why_it_does_not_answer():
    unsure = await run("abstain:0.7:self-consistency:4", ["Canberra", "Canberra", "Canberra", "Sydney"])
    assert (unsure.declined, unsure.abstained, unsure.supported_by) == (True, True, EvidenceClass.AGREEMENT)
    assert unsure.stop_reason == ("a confidence of 0.67 is not above 0.7: 3 of 4 independent attempts give Canberra")
    sure = await run("abstain:0.7:self-consistency:4", ["Canberra"] * 4)
    assert (sure.declined, sure.abstained, sure.answer) == (False, False, "Canberra")


async def test_a_limit_does_not_make_it_answer():
    result = await run("abstain:0.9:self-consistency:4", ["Canberra"] * 4, max_model_calls=2)
    assert result.declined and result.stop_reason.startswith("budget: model_calls; a confidence of 0.83 is not above")


@pytest.mark.parametrize("limit", [{"max_rounds": 1}, {"max_model_calls": 1}, {"max_tokens": 60}], ids=str)
async def test_a_limit_does_not_make_it_answer_where_the_strategy_would_go_on(limit):
    result = await run("abstain:0.9:critic", ["Canberra", "no verdict", "Canberra"], **limit)
    assert result.answer == "Canberra" and result.declined
    assert result.stop_reason.startswith("budget: ") and "is not above 0.9" in result.stop_reason


def test_where_no_round_is_left_what_was_attempted_is_still_reviewed():
    assert moves(0.9, [Review((0,))], tree("1"), Remaining(rounds=0)) == [Review((0,))]


# --- the threshold ----------------------------------------------------------------------------------------------------


@given(RUNS, st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9]) | st.floats(0.01, 0.99))
def test_over_all_choices_of_the_new_run_the_risk_is_at_most_alpha(runs, alpha):
    """Which of n + 1 exchangeable runs is the new one is chance: the mean over all of them is the probability itself,
    and the guarantee holds for it exactly."""
    answered_and_wrong = 0
    for i, (confidence, correct) in enumerate(runs):
        rest = runs[:i] + runs[i + 1:]
        threshold = fit_threshold([c for c, _ in rest], [right for _, right in rest], alpha)
        answered_and_wrong += confidence > threshold and not correct
    assert answered_and_wrong <= alpha * len(runs) + 1e-9


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_over_random_splits_the_mean_risk_is_at_most_alpha(alpha):
    drawing = random.Random(alpha)
    runs = [(c := drawing.random(), drawing.random() < 0.3 + 0.6 * c) for _ in range(400)]
    risks = []
    for _ in range(100):
        drawing.shuffle(runs)
        known, new = runs[:100], runs[100:]
        threshold = fit_threshold([c for c, _ in known], [right for _, right in known], alpha)
        risks.append(sum(c > threshold and not right for c, right in new) / len(new))
    assert alpha / 2 < sum(risks) / len(risks) <= alpha, "it keeps the promise, and gives away little"


@given(RUNS, st.floats(0.02, 0.9), st.floats(0.02, 0.9))
def test_who_accepts_more_errors_gets_no_higher_threshold(runs, one, other):
    confidences, correct = [c for c, _ in runs], [right for _, right in runs]
    strict, lax = sorted((one, other))
    assert fit_threshold(confidences, correct, strict) >= fit_threshold(confidences, correct, lax)


def test_it_takes_enough_runs_to_promise_anything():
    assert fit_threshold([0.9] * 8, [True] * 8, 0.1) == 1.0
    assert fit_threshold([0.9] * 9, [True] * 9, 0.1) == 0.0, "exactly 1 / (n + 1), as it is written"


@pytest.mark.parametrize(("confidences", "correct", "alpha", "error"), [
    ([0.5], [True], 0.0, UsageError), ([0.5], [True], 1.0, UsageError), ([0.5], [], 0.1, InputError),
    ([1.5], [True], 0.1, InputError), ([float("nan")], [True], 0.1, InputError),
])
def test_what_can_t_be_fitted_is_an_error(confidences, correct, alpha, error):
    with pytest.raises(error):
        fit_threshold(confidences, correct, alpha)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path):
    """Writes records as an evaluation does: (strategy, confidence, correct), or a whole record."""
    path = tmp_path / "records.jsonl"

    def write(*runs):
        lines = [{"data": "mine", "model": "scripted:"}]
        for i, run in enumerate(runs):
            lines.append(run if isinstance(run, dict) else {
                "item": str(i), "strategy": run[0], "ran": run[0], "seed": i, "confidence": run[1], "correct": run[2]})
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


def test_the_command_prints_the_threshold_and_what_it_promises(records, capsys):
    runs = [("critic", 0.75, True)] * 15 + [("critic", 0.3, False)] * 4
    assert main(["fit-abstention", records(*runs), "--error", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "Threshold 0.3, fitted to 19 runs of critic." in out
    assert "at most 10.0% are answered and wrong" in out
    assert "Here: 78.9% answered, 0.0% answered and wrong, 0.0% of the answers wrong." in out
    assert "--strategy abstain:0.3:critic" in out


def test_the_printed_threshold_is_never_below_the_fitted_one(records, capsys):
    runs = [("critic", 2 / 3, False)] * 3 + [("critic", 0.9, True)] * 17
    main(["fit-abstention", records(*runs), "--error", "0.1"])
    assert "Threshold 0.6667" in capsys.readouterr().out


def test_a_promise_that_can_t_be_kept_is_not_made(records, capsys):
    assert main(["fit-abstention", records(("critic", 0.9, True)), "--error", "0.1"]) == 1
    assert "No threshold keeps 10.0%" in (out := capsys.readouterr().out) and "It takes 9 runs" in out


def test_runs_that_failed_answered_nothing_and_repeats_count_once(records, capsys):
    failed = {"item": "f", "strategy": "critic", "ran": "critic", "correct": False, "confidence": None, "error": "No."}
    repeated = {**failed, "error": "", "confidence": 0.99, "repeat": 1}
    assert main(["fit-abstention", records(*[("critic", 0.9, True)] * 9, failed, repeated), "--error", "0.1"]) == 0
    assert "Threshold 0, fitted to 10 runs" in capsys.readouterr().out


def test_it_reads_what_an_evaluation_writes_even_when_it_was_cut_off(tmp_path, capsys):
    path = tmp_path / "runs.jsonl"
    with RecordFile(path, {"data": "mine"}) as lines:
        for i in range(9):
            lines.append(Record(str(i), "critic", "critic", i, correct=True, confidence=0.9))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"item": "9", "strat')
    assert main(["fit-abstention", str(path), "--error", "0.1"]) == 0
    assert "fitted to 9 runs of critic" in capsys.readouterr().out


@pytest.mark.parametrize(("runs", "told"), [
    ([("critic", 0.9, True), ("none", 0.9, True)], "--strategy"), ([("critic", None, True)], "Run the evaluation anew"),
    ([{"item": "1"}], "line 2"), ([], "no runs"),
])
def test_a_file_that_can_t_be_used_says_what_to_do(records, capsys, runs, told):
    assert main(["fit-abstention", records(*runs), "--error", "0.1"]) == 2
    assert told in capsys.readouterr().err


def test_runs_that_drew_what_another_paid_for_name_no_strategy_to_use(records, capsys):
    runs = [{"item": str(i), "strategy": "self-consistency@critic", "ran": f"self-consistency:{i % 3 + 1}",
             "confidence": 0.9, "correct": True} for i in range(9)]
    assert main(["fit-abstention", records(*runs), "--error", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "Threshold 0" in out and "Use it" not in out and "no one strategy" in out
