"""Reading programs and numbers out of messy completions, and telling kinds of questions apart."""

from __future__ import annotations

import pytest
from agentfix_plugins.kinds.code import CodeKind
from agentfix_plugins.kinds.math import MathKind
from agentfix_plugins.kinds.reading import conclusion, number_in, plain, program_in
from agentfix_plugins.kinds.text import TextKind

from agentfix import Task


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("```python\na = 1\n```\nthen\n```py\na = 2\n```", "a = 2"),
        ("```\na = 1\n```", "a = 1"),
        ("Sure:\n```python\na = 1\nb = 2", "a = 1\nb = 2"),
        ("```Python3\r\na = 1\r\n```", "a = 1"),
        ("```python title=x.py\na = 1\n```", "a = 1"),
        ("answer = 3", "answer = 3"),
        ("def f():\n    pass", "def f():\n    pass"),
        ("```python\na = 1\n```\n```output\n1\n```\nSo it is 1.", "a = 1"),
        ("```python\na = 1\n```\n```\n1\n```", "a = 1"),
        ("```\n```", None),
        ("It is 5.", None),
        ("", None),
    ],
)
def test_the_program_is_found(text, program):
    assert program_in(text) == program


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,200.50", "1200.5"),
        ("18.0", "18"),
        ("3/4", "0.75"),
        ("40%", "40"),
        ("−5", "-5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("1e3", "1000"),
        (".5", "0.5"),
        ("18.", "18"),
        ("5 apples", "5"),
        ("9" * 350, "9" * 350),
        ("9" * 350 + ".5", "1" + "0" * 350),
    ],
)
def test_a_number_is_read_as_a_person_means_it(text, number):
    assert plain(number_in(text)) == number


@pytest.mark.parametrize("text", ["", "none", "5 or 6", "1e9999", "1/0", "9" * 20_000, "10-5", "--", "1,2 3"])
def test_what_states_no_single_number_is_none(text):
    assert number_in(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"So \boxed{42}.", "42"),
        (r"\boxed{\frac{3}{4}}", "3/4"),
        (r"\boxed{\$1{,}200\text{ dollars}}", "$1,200"),
        ("The answer is **18**.", "18"),
        ("Answer: $5", "5"),
        ("answer is 1\nthe answer is 2", "2"),
        ("no idea", None),
    ],
)
def test_the_conclusion_is_what_was_said_last(text, said):
    assert conclusion(text) == said


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("18", "18.0", True),
        ("0.3333333333", "1/3", True),
        ("$1,200", "1200", True),
        ("5", "6", False),
        ("-5", "5", False),
        ("Rome", "rome", True),
        ("Rome", "5", False),
        ("1" + "0" * 350, "1" + "0" * 350, True),
        ("0", "0.0", True),
    ],
)
def test_numbers_are_compared_as_numbers(a, b, same):
    assert MathKind().same(a, b) is same
    assert MathKind().same(b, a) is same


def test_programs_are_compared_without_their_layout():
    assert CodeKind().same("a=1 # one", "a = 1")
    assert not CodeKind().same("a = 1", "a = 2")
    assert CodeKind().same("-" * 100_000 + "1", "-" * 100_000 + "1")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many eggs are in 3 boxes of 12?", "math"),
        ("What is 17 * 23?", "math"),
        ("Compute the sum of 4 and 9.", "math"),
        ("A train goes 80 km in 2 hours. How fast is it?", "math"),
        ("Solve 2x + 3 = 11.", "math"),
        ("How much is half a dozen buns at 2 euros each?", "math"),
        ("Find the average of 3, 5 and 10.", "math"),
        ("Write a Python function that reverses a list.", "code"),
        ("Implement a class for a queue.", "code"),
        ("Fix this code:\n```python\nprint(1\n```", "code"),
        ("def add(a, b):\n    # complete me", "code"),
        ("Create a script that counts 10 words.", "code"),
        ("Define a generator of primes.", "code"),
        ("Complete the function below.", "code"),
        ("Who wrote Faust?", "text"),
        ("Why is the sky blue?", "text"),
        ("Summarise the plot of Hamlet.", "text"),
        ("Translate 'good day' into French.", "text"),
        ("Who was the king of France in 1700?", "text"),
        ("What is the capital of Norway?", "text"),
    ],
)
def test_the_kind_of_a_question_is_told(question, kind):
    task = Task(question)
    assert next(k.name for k in (CodeKind(), MathKind(), TextKind()) if k.matches(task)) == kind


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "```" + " " * 20_000,
        "```" * 7000,
        "answer:" + "\n" * 20_000,
        "\\boxed{" * 3000,
        "\\boxed{" + "{}" * 10_000,
        "\\frac{" * 3000,
        "write a " * 2500,
        "\n" * 20_000,
    ],
)
def test_a_hostile_text_is_read_quickly(text):
    program_in(text), conclusion(text), number_in(text)
    assert TextKind().matches(Task(text)) and not MathKind().matches(Task(text))
    CodeKind().matches(Task(text))


@pytest.mark.parametrize("text", [
    r"3\sqrt{2}", r"4\pi", "1,2", "12,34", "minus 5", "$1.5 million", "A4", "2½", "1 1/2", "12:30", "1.200.300",
])
def test_what_is_no_plain_number_is_not_read_as_one(text):
    assert number_in(text) is None


def test_whole_numbers_are_equal_only_when_they_are():
    assert not MathKind().same("1234567", "1234568")
    assert MathKind().same("35.999999999999986", "36")
