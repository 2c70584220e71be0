"""`agentfix export prm` and `rewind`: steps of which something located the first wrong one."""

from __future__ import annotations

import re

import pytest

from agentfix import Check, Critique, Evidence, EvidenceClass, Expand, Review, Stop, Task, hookimpl, steps_of
from tests.export.conftest import OTHER, RIGHT, block

TASK = Task("How many are 3 boxes of 4?", "math", (Check("assert answer == 12"),))
CRASH = block("def solution():\n    boxes = 3\n\n    each = four\n    return boxes * each")
MENDED = block("def solution():\n    return 3 * 4")
REASONED = "Known: 3 boxes of 4.\n\n3 times 4 is 13.\n\nThe answer is 13"
GONE_ON = "3 times 4 is 12.\n\nThe answer is 12"
ANEW = "There are 3 boxes.\n\nEach holds 4, so 12.\n\nThe answer is 12"


class Multiplication:
    """A critic that looks at the steps in which something is multiplied."""

    name = "multiplication"

    def __init__(self, kind=EvidenceClass.MEASUREMENT):
        self.kind = kind

    async def review(self, task, attempts, context):
        return [self.judge(attempt) for attempt in attempts]

    def judge(self, attempt):
        for number, step in enumerate(steps_of(attempt.text)):
            said = re.search(r"(\d+) times (\d+) is (\d+)", step)
            if said and int(said[1]) * int(said[2]) != int(said[3]):
                wrong = Evidence(self.kind, "refutes", f"{said[0]} is not so", self.name, "instrument", "necessary")
                return Critique(attempt.id, self.name, "revise", f"{said[0]} is not so.", (wrong,), step=number)
        return Critique(attempt.id, self.name, "abstain")


class Rewinding:
    """A strategy that goes back once to where a critic says that it went wrong, or begins anew."""

    name = "rewinding"

    def __init__(self, critic, keep):
        self.critic, self.keep = critic, keep

    def decide(self, tree, budget, memory, seed):
        count = len(tree.attempts)
        if count and not tree.reviewed(count - 1):
            return [Review((count - 1,), ("multiplication", "tests"))]
        if count == 2:
            return [Stop("that is all")]
        again = Expand(parent=0, keep_steps=1, role="derivation") if self.keep else Expand(role="derivation")
        return [again if count else Expand(role="derivation")]

    @hookimpl
    def agentfix_register_strategies(self, register):
        register("rewinding", lambda build: self)

    @hookimpl
    def agentfix_register_critics(self, register):
        register("multiplication", lambda build: self.critic)


@pytest.fixture
def derived(runs):
    """Runs a wrong derivation and then a right one."""

    def run(right, *, critic=None, keep=False):
        runs(REASONED, right, task=TASK, strategy="rewinding", plugin=Rewinding(critic or Multiplication(), keep))

    return run


def test_the_lines_of_a_program_are_right_up_to_the_one_that_failed(runs, exported):
    runs(CRASH, MENDED, task=TASK)
    rows, told = exported("prm")
    (row,) = rows
    assert row["completions"] == ["```python", "def solution():", "    boxes = 3", "    each = four"]
    assert row["labels"] == [True, True, True, False]
    assert "How many are 3 boxes of 4?" in row["prompt"]
    assert row["located"]["class"] == "measurement" and "line 4 failed: NameError" in row["located"]["summary"]
    assert row["proof"][0]["evidence"][0]["class"] == "contract"
    assert "1  it is proved right, which says nothing of its steps" in told


def test_a_critic_locates_the_wrong_step(derived, exported):
    derived(ANEW)
    (row,) = exported("prm")[0]
    assert row["completions"] == ["Known: 3 boxes of 4.", "3 times 4 is 13."] and row["labels"] == [True, False]


def test_where_nothing_located_the_wrong_step_there_is_no_row(runs, exported):
    runs(OTHER, RIGHT)
    rows, told = exported("prm")
    assert rows == [] and "1  nothing located its first wrong step" in told


def test_an_opinion_of_where_it_went_wrong_does_not_count(derived, exported):
    derived(ANEW, critic=Multiplication(EvidenceClass.OPINION))
    assert exported("prm")[0] == exported("rewind")[0] == []


def test_the_right_way_is_joined_to_the_wrong_one_where_they_part(derived, exported):
    derived(GONE_ON, keep=True)
    (row,) = exported("rewind")[0]
    assert row["completion"][0]["content"] == (
        "Known: 3 boxes of 4.\n\n3 times 4 is 13.\n\nThat step is wrong: 3 times 4 is 13 is not so. I go back to where "
        "it was right.\n\n3 times 4 is 12.\n\nThe answer is 12")
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]


def test_a_right_way_that_shares_no_step_is_told_whole(derived, exported):
    derived(ANEW)
    (row,) = exported("rewind")[0]
    assert row["completion"][0]["content"].endswith(f"where it was right.\n\n{ANEW}")


def test_a_program_that_went_wrong_is_closed_before_the_right_one(runs, exported):
    runs(CRASH, MENDED, task=TASK)
    (row,) = exported("rewind")[0]
    wrong, right = re.split(r"\n\nThat step is wrong: .*\n\n", row["completion"][0]["content"])
    assert wrong.endswith("    each = four\n```") and right == MENDED


def test_a_program_that_ends_in_a_stray_fence_is_closed_already(runs, exported):
    runs("def solution():\n    return 3 * 5\n```", MENDED, task=TASK)
    (row,) = exported("rewind")[0]
    assert row["completion"][0]["content"].startswith("def solution():\n    return 3 * 5\n```\n\nThat step is wrong: ")


def test_an_answer_that_goes_on_from_kept_steps_is_whole(derived, exported):
    derived(GONE_ON, keep=True)
    (row,) = exported("sft")[0]
    assert row["completion"][0]["content"] == f"Known: 3 boxes of 4.\n\n{GONE_ON}"
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
