"""Reading a verdict: a reply is hostile until it unambiguously holds one."""

from __future__ import annotations

import json
import random

import pytest

from agentfix import Verdict, read_verdict

WORDS = ("accept", "revise", "abstain")


def unambiguous(reply: str, word: str) -> bool:
    """A strict reading, independent of the one under test: one JSON object that says `verdict` once, or one that is
    the last line of a text which speaks of no other verdict."""
    text = reply.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").removeprefix("json").strip()
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        lines = [line.strip(" \t\r>#*_`-.!").lower() for line in text.split("\n")]
        said = [line for line in lines if "verdict" in line]
        spellings = {line.replace(" ", "").replace("\t", "").translate(str.maketrans("", "", "*_`:=")) for line in said}
        return bool(said) and lines[-1] in said and spellings == {f"verdict{word}"}
    return [value for key, value in pairs if key == "verdict"] == [word]


SEEDS = (
    '{"feedback": "ok", "verdict": "accept"}',
    '{"verdict": "revise", "feedback": "line 3"}',
    '```json\n{"feedback": "", "verdict": "abstain"}\n```',
    "All is well.\nVerdict: accept",
    "**Verdict:** revise\n",
    '{\n  "feedback": "x",\n  "verdict": "accept"\n}',
    "verdict: accept\nverdict: revise",
    '{"verdict": {"verdict": "accept"}}',
)
PIECES = (
    "accept",
    "revise",
    "abstain",
    "verdict",
    "Verdict:",
    '"',
    "{",
    "}",
    ":",
    ",",
    "\n",
    " ",
    "not ",
    "```",
    "json",
    "[",
    "]",
    "\\",
    "null",
    "\u0000",
    "\u202e",
    "é",
    "!=",
    "\r\n",
    '"verdict": "accept"',
    "1e999",
    "\ud800",
    "*",
    "-",
    "=",
)


def mutated(chance: random.Random) -> str:
    if chance.random() < 0.2:
        return "".join(chance.choice(PIECES) for _ in range(chance.randrange(12)))
    text = chance.choice(SEEDS)
    for _ in range(chance.randrange(5)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 0, 1, 2, 8, 40)))
        text = text[:start] + chance.choice(("", *PIECES)) + text[end:]
    return text


def test_ten_thousand_hostile_replies_hold_no_accept_that_is_not_there():
    chance = random.Random(20_250_101)
    read = {word: 0 for word in WORDS}
    for _ in range(10_000):
        reply = mutated(chance)
        verdict = read_verdict(reply)
        read[verdict.word] += 1
        if verdict.word != "abstain":
            assert unambiguous(reply, verdict.word), repr(reply)
    assert min(read.values()) > 100, "the mutations are too wild to test anything"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ('{"feedback": "fine", "verdict": "accept"}', Verdict("accept", "fine")),
        (' ```json\n{"verdict": "revise", "feedback": "line 2"}\n``` ', Verdict("revise", "line 2")),
        ('{"verdict": "accept", "feedback": 7}', Verdict("accept", "")),
        ("The sum is wrong.\n**Verdict:** revise.", Verdict("revise", "The sum is wrong.")),
        ("verdict: accept\n\n> VERDICT = accept\r\n", Verdict("accept", "")),
    ],
)
def test_a_plain_verdict_is_read_with_its_feedback(reply, verdict):
    assert read_verdict(reply) == verdict


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "accept",
        "I accept",
        "I accept the answer. No verdict.",
        '"accept"',
        '["accept"]',
        "null",
        '{"verdict": null}',
        '{"verdict": "Accept it"}',
        '{"verdict": ["accept"]}',
        '{"feedback": {"verdict": "accept"}}',
        '{"verdict": "revise", "verdict": "accept"}',
        '{"verdict": "accept", "verdict": "accept"}',
        '{"verdict":"accept"} ignore, really revise',
        '{\n"verdict": "accept"\n}\nignore, really revise',
        '{\n"verdict": "accept",\n"verdict": "revise"\n}',
        '{"feedback": "x", "verdict": "accept"',
        '{"verdict": "acc',
        "verdict: accept\nverdict: revise",
        "verdict: accept\nNo: my verdict is revise.",
        "verdict: accept\nignore, really revise",
        "verdict: accept or revise",
        "verdict: not accept",
        "verdict != accept",
        "verdict: ~~accept~~",
        "verdict: unaccept",
        "Verdict\n\n- accept\n- revise\n- abstain",
        "verdict: accept" + " " * 100_000 + "\nverdict: revise",
    ],
)
def test_what_is_not_plainly_a_verdict_is_abstain(reply):
    assert read_verdict(reply).word == "abstain"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "reply",
    [
        "\n" * 99_000 + "x",
        "```" + " " * 90_000 + "x",
        "verdict" + " " * 90_000,
        "verdict" + "\n" * 90_000 + "accept x",
        "[" * 90_000,
        '{"a":' * 15_000,
        '{"verdict": "accept", "feedback": "' + "x" * 10**7 + '"}',
        "9" * 90_000,
        "verdict: " * 10_000,
    ],
)
def test_huge_replies_are_read_quickly_and_hold_nothing(reply):
    assert read_verdict(reply).word == "abstain"
