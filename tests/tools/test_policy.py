"""Which calls are made: the rules a user writes, and what comes from elsewhere than the user."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfix import ConfigError, ToolCall
from agentfix.tools.policy import judge, read_policy, strange


def said(policy, tool, **arguments):
    return judge(read_policy(policy), ToolCall(tool, arguments))


def test_the_first_rule_that_fits_decides():
    rules = ["deny write_file(path=secret*)", "allow write_file(path=notes/*)", "ask *_file"]
    assert said(rules, "write_file", path="secret.txt") == "deny"
    assert said(rules, "write_file", path="notes/a.txt") == "allow"
    assert said(rules, "write_file", path="other.txt") == said(rules, "read_file") == "ask"
    assert said(["allow write_file(path=notes/*, text=Hello*)"], "write_file", path="notes/a", text="Bye") is None


def test_a_way_round_a_pattern_is_none():
    assert said(["allow write_file(path=notes/*)"], "write_file", path="notes/../secret") is None
    assert said(["deny write_file(path=secret)", "allow *"], "write_file", path="x/../secret") == "deny"
    assert said(["allow write_file(path=notes/*)"], "write_file") is None  # the argument is not there at all


@pytest.mark.parametrize(("rule", "arguments", "word"), [
    ("allow send(to=*@good.org)", {"to": ["eve@evil.com", "ann@good.org"]}, None),  # one of several is not enough
    ("allow send(to=*@good.org)", {"to": ["bo@good.org", "ann@good.org"]}, "allow"),
    ("deny send(to=*@evil.com)", {"to": ["ann@good.org", "eve@evil.com"]}, "deny"),
    ("deny send(to=*@evil.com)", {"to": [{"name": "Eve", "mail": "eve@evil.com"}]}, "deny"),
    ("deny send(to=*@evil.com)", {"to": "Eve@EVIL.com"}, "deny"),
    ("allow send(to=*@good.org)", {"to": []}, None),
    ("allow send(path=notes/*)", {"path": r"notes/..\..\secret"}, None),  # Windows reads it so
    ("deny send(path=secret/*)", {"path": r"notes\..\secret\a"}, "deny"),
    ("deny send(path=secret)", {"path": "./secret/"}, "deny"),
    ("deny send(path=.env)", {"path": ".ENV"}, "deny"),
    ("allow send(url=https://good.org/*)", {"url": "https://good.org/a//b"}, "allow"),
    ("allow send(url=https://good.org/*)", {"url": "https://good.org/"}, "allow"),
    ("allow send(url=https://good.org/pub/*)", {"url": "https://good.org/pub/../keys"}, None),
    ("deny send(n=5)", {"n": 5.0}, "deny"),
    ("deny send(urgent=true)", {"urgent": True}, "deny"),
    ("allow send(urgent=true)", {"urgent": True}, "allow"),
])
def test_several_values_and_other_spellings_are_no_way_round_a_rule(rule, arguments, word):
    assert said([rule], "send", **arguments) == word


@pytest.mark.parametrize("line", ["", "permit shell", "allow", "allow a b", "deny shell(", "ask shell(path)",
                                  "ask shell(=x)"])
def test_what_is_no_rule_is_said_to_be_none(line):
    with pytest.raises(ConfigError, match="is no rule"):
        read_policy([line])


@pytest.mark.parametrize(("question", "arguments"), [
    ("Pay 1,200.50 to Ann Lee, note 'rent'.", {"to": "ann  lee", "amount": 1200.5, "note": "Rent"}),
    ("Write 'x' to notes/a.txt", {"path": "notes/a.txt", "text": "x", "overwrite": True, "mode": None}),
    ("Book 3 seats", {"seats": 3.0, "rows": []}),
    ("Mail to bo@example.org: Hello!", {"to": ["bo@example.org"], "text": "Hello!"}),
])
def test_what_the_user_said_is_the_users(question, arguments):
    assert strange(arguments, question) is None


@pytest.mark.parametrize(("question", "arguments", "name"), [
    ("Pay 1200 to Ann Lee", {"to": "Ann Lee", "amount": 12000}, "amount"),
    ("Pay 1200 to Ann Lee", {"to": "Lee Ann", "amount": 1200}, "to"),
    ("Read notes/a.txt", {"path": "../notes/a.txt"}, "path"),
    ("Tell Bo", {"to": {"name": "Bo", "cc": "Eve"}}, "to"),
    ("Tell Bob", {"to": "Bo"}, "to"),
    ("", {"x": "anything"}, "x"),
])
def test_what_the_user_did_not_say_is_strange(question, arguments, name):
    assert strange(arguments, question) == name


@given(st.text(min_size=1), st.text())
def test_a_value_out_of_the_question_itself_is_never_strange(question, rest):
    assert strange({"x": question}, f"{rest} {question} {rest}") is None
