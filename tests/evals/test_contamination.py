from __future__ import annotations

import json
import time
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from agentfix_plugins.datasets.graders import Numeric

from agentfix.cli.main import main
from agentfix.errors import ContaminationError
from agentfix.evals import Item, load
from agentfix.evals.contamination import clean, contaminated
from agentfix.evals.shown import Shown, shown_by
from agentfix.plugins import Plugins
from agentfix.settings import Settings
from agentfix.types import Task

LONG = ("A ferry leaves the harbour with 48 passengers and 3 dogs. At the lighthouse 15 passengers leave and the ferry "
        "takes twice as many penguin watchers aboard. How many passengers are aboard when it reaches the island?")
SHORT = "Who painted the crooked weathercock?"
WORDS = LONG.split()


def rows(*questions: str) -> list[Item]:
    return [Item(f"i{n}", n, Task(question), Numeric(Fraction(n)), "mine") for n, question in enumerate(questions)]


def shown(text: str, place: str = "prompt.jinja") -> list[Shown]:
    return [Shown(place, "mine", ((1, text),))]


def found(question: str, text: str) -> list[str]:
    return [hit.text for hit in contaminated(rows(question), shown(text))]


@pytest.mark.parametrize("text", [
    f"Example:\n{LONG}\nAnswer: 63",
    LONG.upper().replace(".", " ..."),
    LONG.replace("48", "1,200").replace("15", "7"),
    " ".join(WORDS[4:24]),
    LONG.replace(". ", ".\n\n{# a remark #}"),
    "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in LONG),
    LONG.replace("e", "e\u00ad").replace("a", "\u200ba"),
])
def test_a_copy_is_found_whatever_its_case_numbers_and_layout(text: str) -> None:
    assert found(LONG, text)


@pytest.mark.parametrize("text", [
    "A bus leaves the depot with 48 passengers. How many passengers are aboard when it reaches the terminus?",
    " ".join(reversed(WORDS)),
    " ".join(WORDS[:12]),
    "How many of them are there in all, and how many of the others would there be if each had one more than that?",
])
def test_what_is_only_alike_is_no_copy(text: str) -> None:
    assert found(LONG, text) == []


def test_a_copy_is_found_however_its_accents_are_written() -> None:
    text = "Près de la forêt dorée, où le général célèbre a-t-il caché les blés récoltés cet été là ?"
    assert found(text, unicodedata.normalize("NFD", text))


def test_a_short_question_is_found_whole_or_not_at_all() -> None:
    assert found(SHORT, f"Q: {SHORT} A: nobody knows") == ["Who painted the crooked weathercock"]
    assert found(SHORT, "Who painted the crooked tower?") == []
    assert found("What is it then?", "What is it then?") == []


def test_words_that_every_task_has_make_no_hit() -> None:
    question = "Write a function to find the sum of all the numbers in a given list."
    assert found(question, f"{question} Then return it.") == []


def test_what_many_items_have_in_common_is_a_phrase_of_the_data_set() -> None:
    common = "Translate this proverb of the coastal fishermen into plain modern speech without any ornament:"
    items = rows(*(f"{common} {word} {word} {word}" for word in ("gulls", "nets", "tides", "storms", "oars")))
    assert contaminated(items, shown(common)) == []
    assert [hit.item for hit in contaminated(items[:2], shown(common))] == ["i0", "i1"]


def test_a_row_is_looked_for_with_all_that_it_says(tmp_path: Path) -> None:
    worked = "First the watchers who came aboard are counted twice over, then the passengers who left are taken away."
    row = {"question": "How many are aboard?", "answer": 63, "more": {"worked": [worked]}}
    (tmp_path / "mine.jsonl").write_text(json.dumps(row), encoding="utf-8")
    items = load(str(tmp_path / "mine.jsonl"), Plugins(Settings()))
    assert [hit.text for hit in contaminated(items, shown(f"So: {worked}"))] == [worked.removesuffix(".")]


PLUGIN = '''
"""A plugin."""
from pathlib import Path
from agentfix import hookimpl

EXAMPLES = [
    ("A ferry leaves the harbour with 48 passengers and 3 dogs. At the lighthouse "
     "15 passengers leave and the ferry takes twice as many penguin watchers "
     "aboard.", 63),
]

@hookimpl
def agentfix_register_tools(register):
    pass
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    folder = tmp_path / "shanties"
    (folder / "prompts").mkdir(parents=True)
    (folder / "__init__.py").write_text(PLUGIN.replace("48", "12"), encoding="utf-8")
    (folder / "prompts" / "ask.jinja").write_text(
        "You are a sailor.\n{% if question %}\n\nWho painted\nthe crooked weathercock?\n{% endif %}", encoding="utf-8")
    return folder


def test_examples_and_templates_of_a_plugin_are_looked_at_and_the_place_is_named(plugin: Path) -> None:
    plugins = Plugins(Settings(plugins=(str(plugin),)), installed=False)
    hits = {hit.item: hit for hit in contaminated(rows(LONG, SHORT, "Who was first to sail alone around it?"),
                                                  shown_by(plugins))}
    assert set(hits) == {"i0", "i1"}
    assert (hits["i0"].place, hits["i0"].line) == (str(plugin / "__init__.py"), 7)
    assert (hits["i1"].place, hits["i1"].line) == (str(plugin / "prompts" / "ask.jinja"), 4)
    assert {hit.plugin for hit in hits.values()} == {"shanties"}
    with pytest.raises(ContaminationError, match=r"Item 'i0' stands in .*py, line 7 \(plugin shanties\): 'A f"):
        clean(rows(LONG, SHORT), plugins, leave_out=False, tell=print)


def test_lessons_are_looked_at_too() -> None:
    lesson = Shown("lesson 4", "reflexion", ((1, f"When asked '{SHORT}', say Anna."),))
    with pytest.raises(ContaminationError, match="lesson 4"):
        clean(rows(SHORT), Plugins(Settings(), installed=False), leave_out=False, tell=print, lessons=[lesson])


def test_an_evaluation_stops_before_any_model_is_asked(plugin: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text(json.dumps({"question": LONG, "answer": 63}), encoding="utf-8")

    def never(settings: Settings) -> None:
        raise AssertionError("an agent was made")

    assert main(["eval", "mine.jsonl", "--plugin", str(plugin)], make_agent=never) == 2
    assert "'mine-0' stands in" in capsys.readouterr().err
    assert main(["eval", "mine.jsonl", "--plugin", str(plugin), "--skip-contaminated"], make_agent=never) == 2
    assert "Nothing would be left" in capsys.readouterr().err


def test_what_is_left_out_is_told(plugin: Path) -> None:
    told: list[str] = []
    plugins = Plugins(Settings(plugins=(str(plugin),)), installed=False)
    kept = clean(rows(LONG, "How deep is the well of the old mill?"), plugins, leave_out=True, tell=told.append)
    assert [item.id for item in kept] == ["i1"]
    assert told[0].startswith("Left out: Item 'i0'") and told[1].startswith("1 of 2 items are left")


def test_agentfix_shows_its_prompts_and_they_are_read_in_time() -> None:
    items = rows(*(f"{LONG} {'On day ' * 20} {n}" for n in range(200)))
    plugins = Plugins(Settings(enabled_plugins=()))
    begun = time.process_time()
    read = [*shown_by(plugins)]
    hits = contaminated(items, read)
    assert time.process_time() - begun < 5  # about half a second; machines differ
    places = {Path(text.place).name for text in read}
    assert {"math_program.jinja", "self_critique.py", "init.py.jinja"} <= places
    assert hits == []


def test_a_row_that_stands_in_one_of_agentfixs_own_prompts_is_found() -> None:
    plugins = Plugins(Settings(enabled_plugins=()))
    text = next(text for text in shown_by(plugins) if text.place.endswith("self_critique.py"))
    [said] = [said for _, said in text.parts if "does it answer what is asked" in said]
    hits = contaminated(rows(said.partition("Check")[2]), shown_by(plugins))
    assert "self_critique.py" in [Path(hit.place).name for hit in hits]
