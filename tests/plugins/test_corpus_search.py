"""Searching the user's own files: what is found, where it stands, and that no query, file or index breaks it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from agentfix_plugins.corpus_search.adding import add
from agentfix_plugins.corpus_search.cutting import MAX_WORDS, Section, cut
from agentfix_plugins.corpus_search.index import Hit, Index
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from agentfix import (
    AgentFixError,
    Completion,
    FunctionTool,
    InputError,
    SearchEngine,
    Settings,
    TokenLogprob,
    ToolContext,
    ToolError,
)
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, ScriptedSandbox, tool_context

Corpus = Callable[[Mapping[str, str]], Index]

ROCKS = {
    "granite.txt": "Granite is an igneous rock. It holds quartz and feldspar.",
    "marble.txt": "Marble is made from limestone by heat and pressure.",
    "slate.txt": "Slate splits into thin plates. Roofs are covered with it.",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Indexes files of these names and contents."""

    def make(files: Mapping[str, str]) -> Index:
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode("utf-8", "surrogatepass"))
        index = Index(tmp_path / "index.sqlite", create=True)
        assert [change.problem for change in add(index, [folder]) if change.problem] == []
        return index

    return make


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.path.name for hit in hits]


# --- what is found --------------------------------------------------------------------------------------------------


def test_the_passage_that_answers_comes_first(corpus):
    index = corpus(ROCKS)
    assert names(index.search("What is marble made from?", 5))[0] == "marble.txt"
    assert names(index.search("roofs", 5)) == ["slate.txt"]


@pytest.mark.parametrize(("query", "text"), [
    ("well-known", "A well known case."),
    ("well known", "A well-known case."),
    ("the women's cup", "Cup of women"),
    ("the womens' cup", "The women’s cup"),
    ("O'Brien", "Mr O’Brien came."),
    ("cafe", "The café is open."),
    ("café", "The cafe\u0301 is open."),
    ("ŁÓDŹ", "It lies near łódź."),
    ("U.S. president", "The US president spoke."),
    ("USA", "Made in the U.S.A. today."),
    ("strasse", "Die Straße ist lang."),
    ("office", "The oﬃce is closed."),
    ("running dogs", "A dog runs."),
    ("東京", "彼は東京に住んでいる。"),
    ("हिन्दी", "वह हिन्दी बोलता है।"),
    ("COVID-19", "covid 19 spread."),
    ("3.14", "It is about 3.14, they say."),
    ("ｆｕｌｌ", "The full width."),
])
def test_words_are_found_however_they_are_written(corpus, query, text):
    index = corpus({"this.txt": text, **ROCKS})
    assert "this.txt" in names(index.search(query, 1))


def test_words_that_say_nothing_count_only_where_there_are_no_others(corpus):
    index = corpus({"band.txt": "The Who are a band.", **ROCKS})
    assert "marble.txt" not in names(index.search("What is the granite?", 5))
    assert names(index.search("who are the who", 1)) == ["band.txt"]


def test_words_side_by_side_count_more(corpus):
    index = corpus({"a.txt": "The court of the supreme being; a ball fell on the court.",
                    "b.txt": "He was the judge in that supreme court, a fine ball fell."})
    assert names(index.search("supreme court", 2)) == ["b.txt", "a.txt"]


def test_a_passage_that_differs_in_punctuation_only_is_shown_once(corpus):
    index = corpus({"a.txt": "The games were held twice:", "b.txt": "The games were held twice :"})
    assert len(index.search("games", 5)) == 1


@pytest.mark.parametrize("query", [
    "", "   ", "?!", "🦊", '"', '""', "granite AND", "NEAR(granite", "granite*", "title:granite", "^granite",
    "-granite", "{granite}", "granite + (", "'; DROP TABLE files; --", "\0granite\0", "\ud800", "OR", "NOT",
    "granite " * 1250,
    " ".join(f"word{i}" for i in range(2000)), "x" * 10_000, "東" * 10_000, "e\u0301" * 5000, "the of me",
])
def test_any_text_is_a_query(corpus, query):
    hits = corpus(ROCKS).search(query, 5)
    assert names(hits) == (["granite.txt"] if "granite" in query else [])


@given(query=st.text(max_size=200))
@settings_of_hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_is_an_error(corpus, query):
    assert len(corpus(ROCKS).search(query, 3)) <= 3


# --- where it stands ------------------------------------------------------------------------------------------------


def test_a_passage_stands_in_its_file_where_it_says(corpus, tmp_path):
    text = "\r\n\r\n".join(f"Paragraph {i} — é. " + f"Sentence about topic{i} and more. " * 12 for i in range(30))
    index = corpus({"long.txt": text})
    for i in (0, 17, 29):
        hit = index.search(f"topic{i}", 1)[0]
        assert text[hit.piece.start:hit.piece.end] == hit.piece.text
        assert f"topic{i}" in hit.piece.text


def test_a_word_without_end_is_cut_into_pieces_of_a_passage_s_length() -> None:
    pieces = list(cut(Section("", "z" * 3000)))
    assert [(piece.start, piece.end) for piece in pieces] == [(0, 1200), (1200, 2400), (2400, 3000)]


@given(st.lists(st.sampled_from(["word", "Stop.", "long" * 300, "\n", "\n\n", "(He", "said)", "東京。", "“Yes!”", " "]),
                max_size=600).map(" ".join))
def test_passages_hold_every_word_once_and_are_short(text):
    pieces = list(cut(Section("", text, start=7)))
    assert all(text[p.start - 7:p.end - 7] == p.text for p in pieces)
    assert "".join("".join(p.text.split()) for p in pieces) == "".join(text.split())
    assert all(len(p.text.split()) <= MAX_WORDS and len(p.text) <= 12 * MAX_WORDS for p in pieces)


def test_passages_end_with_sentences():
    text = " ".join(f"Sentence {i} has exactly seven words here." for i in range(100))
    pieces = list(cut(Section("", text)))
    assert all(piece.text.startswith("Sentence") and piece.text.endswith("here.") for piece in pieces)
    assert all(100 <= len(piece.text.split()) <= 150 for piece in pieces[:-1])


# --- the engine and the tool ----------------------------------------------------------------------------------------


def settings(tmp_path: Path, corpus: object = "default") -> Settings:
    return Settings(data_dir=tmp_path / "data", corpus=str(corpus))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rocks.jsonl"
    file.write_text('{"title": "Granite", "text": "Granite holds quartz.", "url": "https://example.org/granite"}\n'
                    '{"title": "Slate", "text": "Slate  splits\\ninto plates."}\n', encoding="utf-8")
    return file


def engine(chosen: Settings) -> SearchEngine:
    return Plugins(chosen).build("search_engine", "corpus")


async def test_the_engine_reads_a_file_that_the_settings_name(tmp_path, rows):
    made = engine(settings(tmp_path, rows))
    assert isinstance(made, SearchEngine)
    granite, = await made.search("quartz", 5)
    assert (granite.title, granite.text, granite.url) == ("Granite", "Granite holds quartz.",
                                                          "https://example.org/granite")
    assert {**granite.data, "score": 0} == {"source": f"{rows}:1", "start": 0, "end": 21, "score": 0}
    assert granite.data["score"] > 0
    assert (await made.search("plates", 5))[0].url == rows.as_uri()


async def test_a_file_that_changed_is_read_again_by_the_next_run(tmp_path, rows):
    assert await engine(settings(tmp_path, rows)).search("basalt", 5) == []
    rows.write_text('{"text": "Basalt is dark."}\n', encoding="utf-8")
    assert [p.text for p in await engine(settings(tmp_path, rows)).search("basalt", 5)] == ["Basalt is dark."]


async def test_searches_at_once(tmp_path, rows):
    made = engine(settings(tmp_path, rows))
    found = await asyncio.gather(*(made.search("slate", 1) for _ in range(20)))
    assert {passages[0].title for passages in found} == {"Slate"}


@pytest.fixture
async def context() -> ToolContext:
    return ToolContext(sandbox=await ScriptedSandbox([]).open(), timeout_s=5)


async def test_the_tool_numbers_its_passages(tmp_path, rows, context):
    tool = Plugins(settings(tmp_path, rows)).build("tool", "corpus_search")
    seen = await tool.run({"query": "How does slate split?", "k": 2}, context)
    assert (seen.status, seen.text) == ("ok", "[1] Slate: Slate splits into plates.")
    passage, = seen.data["passages"]
    assert passage.pop("score") > 0
    assert passage == {"title": "Slate", "text": "Slate  splits\ninto plates.", "source": f"{rows}:2", "start": 0,
                       "end": 26}
    assert tool.spec.deterministic
    assert set(tool.spec.paths) == {str(tmp_path / "data" / "corpora"), str(rows)}


async def test_the_tool_says_when_it_finds_nothing(tmp_path, rows, context):
    tool = Plugins(settings(tmp_path, rows)).build("tool", "corpus_search")
    seen = await tool.run({"query": "astronomy"}, context)
    assert (seen.ok, seen.data) == (True, {"passages": []})
    with pytest.raises(ToolError, match="k"):
        await tool.run({"query": "slate", "k": 0}, context)


def granites(tmp_path: Path, **chosen) -> FunctionTool:
    """The tool over three passages that by words stand in this order."""
    file = tmp_path / "granite.jsonl"
    texts = ["Granite, granite, granite.", "Granite is hard, says granite.", "Of the many rocks, granite holds quartz."]
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return Plugins(Settings(data_dir=tmp_path / "data", corpus=str(file), **chosen)).build("tool", "corpus_search")


async def found(tool: FunctionTool, model: ScriptedModel, k: int = 5) -> list[str]:
    seen = await tool.run({"query": "what is in granite", "k": k}, tool_context(model=model))
    return [passage["source"].rpartition(":")[2] for passage in seen.data["passages"]]


def sure(likely: float) -> Completion:
    top = (("Yes", math.log(likely)), ("No", math.log(1 - likely)))
    return Completion("Yes", logprobs=(TokenLogprob("Yes", math.log(likely), top),))


async def test_no_model_is_asked_unless_the_user_says_so(tmp_path):
    tool = granites(tmp_path)
    assert not tool.spec.asks
    assert await found(tool, ScriptedModel([])) == ["1", "2", "3"]


async def test_a_model_orders_what_words_found_anew(tmp_path):
    tool = granites(tmp_path, corpus_rerank=True)
    assert tool.spec.asks
    model = ScriptedModel([sure(0.2), sure(0.1), sure(0.8)])
    assert await found(tool, model, 2) == ["3", "1"]
    shown = [request.messages[-1].content for request in model.requests]
    assert ["holds quartz" in text for text in shown] == [False, False, True]
    assert all("output of corpus_search" in text and "what is in granite" in text for text in shown)


async def test_what_a_model_finds_equal_stays_as_words_have_it(tmp_path):
    tool = granites(tmp_path, corpus_rerank=True)
    assert await found(tool, ScriptedModel([sure(0.5)] * 3)) == ["1", "2", "3"]


async def test_where_the_budget_ends_the_order_of_words_stays(tmp_path):
    tool = granites(tmp_path, corpus_rerank=True)
    asked = iter([[sure(0.1)], [sure(0.9)], []])

    async def ask(messages, **_):
        return next(asked)

    seen = await tool.run({"query": "what is in granite"}, replace(tool_context(), ask=ask))
    assert [passage["source"].rpartition(":")[2] for passage in seen.data["passages"]] == ["1", "2", "3"]


async def test_an_empty_corpus_is_told_and_not_made(tmp_path, context):
    tool = Plugins(settings(tmp_path)).build("tool", "corpus_search")
    with pytest.raises(ToolError, match=r"'default' is empty\. Add files with: agentfix corpus add PATH") as told:
        await tool.run({"query": "slate"}, context)
    assert told.value.status == "unavailable"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("corpus", ["nothing", "./nothing.jsonl", "", "x" * 300, "~nobody/x"])
async def test_a_corpus_that_there_is_not(tmp_path, corpus):
    with pytest.raises(InputError, match="There is no corpus and no file"):
        await engine(settings(tmp_path, corpus)).search("slate", 5)


async def test_a_file_that_cant_be_read_is_told(tmp_path):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "good"}\n{"txet": "bad"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="row 2 has no text: its fields are 'txet'"):
        await engine(settings(tmp_path, file)).search("good", 5)


# --- the index file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"no database, but long enough to look like one", b"SQLite format 3\0" * 99])
def test_what_is_no_index_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "an index.sqlite"
    path.write_bytes(content)
    with pytest.raises(AgentFixError, match=rf"damaged: [^\n]* Delete that file .* rm '{path}'"):
        Index(path)


def test_an_index_of_another_version_is_told(corpus, tmp_path):
    index = corpus(ROCKS)
    index._db.execute("PRAGMA user_version = 99")
    index.close()
    with pytest.raises(AgentFixError, match=r"no corpus of this version of agentfix\. Delete that file and add"):
        Index(tmp_path / "index.sqlite", create=True)


def test_damage_inside_is_told_and_never_a_crash(corpus, tmp_path):
    corpus({f"{i}.txt": f"number{i} and the rock {text}" for i in range(200) for text in ROCKS.values()}).close()
    path = tmp_path / "index.sqlite"
    content = path.read_bytes()
    for page in range(1, len(content) // 4096):
        path.write_bytes(content[:4096 * page] + b"\xa5" * 4096 + content[4096 * (page + 1):])
        try:
            index = Index(path)
            found = index.search("rock", 5)
            index.close()
        except AgentFixError as error:
            assert "damaged" in error.message
        else:
            assert len(found) <= 5
