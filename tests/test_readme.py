"""What README.md says of the code is so."""

from __future__ import annotations

from tests.readme import MARK, PARTS, README, made


def test_what_is_made_from_the_code_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert {match[2] for match in MARK.finditer(text)} == {*PARTS}
    assert made(text) == text, "run: python -m tests.readme"
