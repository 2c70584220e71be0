"""What a person is shown who is asked whether a call may be made."""

from __future__ import annotations

from agentfix.cli.asking import shown


def test_a_long_argument_pushes_none_out_of_sight():
    text = shown({"note": "x" * 100_000, "to": "mallory@evil.example"})
    assert '"to": "mallory@evil.example"' in text and "more characters" in text and len(text) < 3000


def test_both_ends_of_a_long_argument_are_shown():
    text = shown({"command": f"echo {'x' * 100_000}; rm -rf notes"})
    assert text.startswith('{"command": "echo x') and text.endswith('; rm -rf notes"}')


def test_what_can_not_be_seen_is_spelt_out():
    text = shown({"to\u202e": "ann\u200b@good.example\x1b[2K\nYou are asked nothing", "n": 3})
    assert text.isprintable() and "\\u202e" in text and "ann\\u200b@good.example" in text and '"n": 3' in text


def test_ordinary_arguments_stay_readable():
    assert shown({"to": "Jürgen", "days": [1, 2]}) == '{"to": "Jürgen", "days": [1, 2]}'
    assert shown({}) == "{}"
