"""`agentfix runs tree`: the attempts of a run as a tree, in lines and as a picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from agentfix import Check, Task
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.cli.tree import lines_of, rows_of
from agentfix.cli.tree_svg import COLOURS, svg_of
from agentfix.plugins import Plugins
from agentfix.settings import Settings
from agentfix.testing import ScriptedModel, script_plugin
from agentfix.types import Attempt, Critique, EvidenceClass, Standing, Tree

WAYS = ["x + x * x", "x + 2", "x", "x ** 2", "2 * x", "x * x"]
CHECKS = tuple(Check(f"assert double({x}) == {2 * x}") for x in (0, 2, 5))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))

    def run(*arguments):
        status = main(["runs", "tree", *arguments])
        said = capfd.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
async def searched(tmp_path):
    """A run in the journal that searched."""
    model = ScriptedModel([f"```python\ndef double(x):\n    return {way}\n```" for way in WAYS])
    settings = Settings(model="scripted:", sandbox="embedded", strategy="mcts:4", data_dir=tmp_path)
    async with Agent(settings, Plugins(settings, extra={"script": script_plugin(model)})) as agent:
        return (await agent.arun(Task("Write <double> & say so.", "code", CHECKS))).run_id


def tree_of(*parents, answer="12", roles="derivation"):
    attempts = tuple(Attempt(n, parent, roles, "m", str(answer), answer) for n, parent in enumerate(parents))
    critiques = tuple(Critique(n, "c", "abstain", score=0.5) for n in range(len(parents)))
    standings = tuple(Standing("unsupported", None) for _ in parents)
    return Tree(Task("Why?"), attempts, critiques, standings, 0 if parents else None, tuple(range(len(parents))))


def test_a_search_is_seen_as_a_tree_with_what_guided_it(searched, call, tmp_path):
    status, out, _ = call("last", "--svg", str(tmp_path / "t.svg"))
    assert (status, out.splitlines()) == (0, [
        f"run {searched}: supported by contract", "Write <double> & say so.",
        "├─ 0 program: def double(x): return x + x * x, refuted by contract, worth 0.10, 2 visits of value 0.15",
        "│  └─ 5 program: def double(x): return x * x, refuted by contract, worth 0.20",
        "├─ 1 program: def double(x): return x + 2, refuted by contract, worth 0.00",
        "├─ 2 program: def double(x): return x, refuted by contract, worth 0.10",
        "└─ 3 program: def double(x): return x ** 2, refuted by contract, worth 0.20, 2 visits of value 0.60",
        "   └─ 4 program: def double(x): return 2 * x, supported by contract, worth 1.00 ★",
    ])
    picture = ElementTree.parse(tmp_path / "t.svg").getroot()
    assert len(picture.findall(f"{SVG}g")) == 6
    assert len([path for path in picture.iter(f"{SVG}path") if path.get("class") == "edge"]) == 2
    assert picture.findtext(f"{SVG}title") == "Write <double> & say so."


def test_a_picture_is_not_drawn_over_the_journal(searched, call, tmp_path):
    status, _, said = call("last", "--svg", str(tmp_path / "journal.sqlite"))
    assert status == 2 and "would be written over" in said
    assert call("last")[0] == 0


def test_branches_are_joined_to_what_they_go_on_from():
    lines = lines_of(tree_of(None, 0, 1, 0, None))
    assert [line.partition(" derivation")[0] for line in lines] == [
        "├─ 0", "│  ├─ 1", "│  │  └─ 2", "│  └─ 3", "└─ 4"]


def test_a_line_of_attempts_may_be_long():
    rows = rows_of(tree_of(None, *range(1200)))
    assert (rows[-1].depth, rows[0].line.visits) == (1200, 1201)


def test_a_run_without_attempts_is_drawn():
    assert lines_of(tree_of()) == []
    ElementTree.fromstring(svg_of(tree_of()))


def test_a_circle_has_the_colour_of_its_evidence_and_grows_with_its_value():
    tree = tree_of(None, None)
    worse = Critique(0, "c", "abstain", score=0.1)
    better = Critique(1, "c", "abstain", score=0.9)
    standings = (Standing("refuted", EvidenceClass.OPINION), Standing("supported", EvidenceClass.RETRIEVAL))
    tree = Tree(tree.task, tree.attempts, (worse, better), standings, 1, (0, 1))
    first, second = ElementTree.fromstring(svg_of(tree)).iterfind(f"{SVG}g/{SVG}circle")
    assert (first.get("stroke"), second.get("stroke")) == (COLOURS[EvidenceClass.OPINION],
                                                           COLOURS[EvidenceClass.RETRIEVAL])
    assert (first.get("fill-opacity"), second.get("fill-opacity")) == ("0.0", "1.0")
    assert float(first.get("r", 0)) < float(second.get("r", 0))


@pytest.mark.parametrize("nasty", [
    "</text><script>alert(1)</script>", "\x1b[31m\x00\x08", "\ud800", "\ufffe\uffff", "&amp;", "\u202edrawkcab", "]]>",
    '" onload="x',
])
def test_what_models_said_is_shown_and_nothing_else(nasty):
    tree = tree_of(None, 0, answer=f"a{nasty}", roles=f"r{nasty}")
    picture = ElementTree.fromstring(svg_of(tree))
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "svg", "title", "style", "rect", "text", "circle", "path", "g"}
    assert not any(name.startswith("on") for element in picture.iter() for name in element.attrib)
    assert "\x1b" not in "\n".join(lines_of(tree))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", svg_of(tree)), "it needs nothing else"


def test_a_picture_that_can_t_be_written_is_an_error_in_a_sentence(searched, call, tmp_path):
    status, _, err = call("last", "--svg", str(tmp_path / "missing" / "t.svg"))
    assert status != 0
    assert "can't be written" in err


def test_a_run_that_is_not_there_is_said(call):
    status, _, err = call("last")
    assert (status, "There are no runs yet" in err) == (1, True)
