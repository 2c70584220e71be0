"""Files of checks: what would check nothing is refused, with what to write instead."""

from __future__ import annotations

import pytest

from agentfix.cli.question import read_checks
from agentfix.errors import InputError


def checks(tmp_path, source):
    file = tmp_path / "checks.py"
    file.write_text(source, encoding="utf-8")
    return read_checks(file)


@pytest.mark.parametrize(("source", "words"), [
    ("", "checks nothing"),
    ("# assert f(2) == 4\n", "checks nothing"),
    ('"""f(2) is 4"""\nimport math\nx = abs(1)\n', "checks nothing"),
    ("def helper():\n    assert f(2) == 4\n", "checks nothing"),
    ("if answer == 17:\n    pass\n", "checks nothing"),
    ("import unittest\nclass F(unittest.TestCase):\n    def test_a(self):\n        pass\nunittest.main()\n", "test_"),
    ("class TestF:\n    def test_a(self):\n        assert f(2) == 4\n", "plain functions named test_"),
    ("def check(candidate):\n    assert candidate(2) == 4\n", "Call it: check(your_function)."),
    ("x = " + "-" * 100_000 + "1\n", "not valid Python"),
    ("x = " + "(" * 50_000 + ")" * 50_000 + "\n", "not valid Python"),
])
def test_a_file_that_checks_nothing_is_refused(tmp_path, source, words):
    with pytest.raises(InputError, match=r"checks\.py") as caught:
        checks(tmp_path, source)
    assert words in str(caught.value)


@pytest.mark.parametrize("source", [
    "assert f(2) == 4", "if answer != 17:\n    raise ValueError(answer)", "def test_a():\n    assert f(2) == 4",
    "def check(candidate):\n    assert candidate(2) == 4\ncheck(f)",
    "def check(candidate):\n    assert candidate(2) == 4\ndef test_a():\n    check(f)",
])
def test_a_file_that_checks_something_is_taken(tmp_path, source):
    (check,) = checks(tmp_path, source)
    assert check.source.startswith(source)
