"""`agentfix memory`: over a real memory file."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentfix.journal import SqliteMemory
from agentfix.settings import load_settings


@pytest.fixture
def learnt():
    """What strategies learnt: two kinds of task of one, one of another."""

    async def learn():
        memory = SqliteMemory(load_settings().memory_path)
        lessons = [{"text": "Read it\x1b[31m twice.", "uses": 3}]
        await memory.learn("reflexion", "math", lambda _: {"runs": 7, "lessons": lessons})
        await memory.learn("reflexion", "code", lambda _: {"runs": 1, "lessons": []})
        await memory.learn("auto", "math", lambda _: {"wins": {"critic": 2}})
        await memory.aclose()

    asyncio.run(learn())


@pytest.mark.usefixtures("learnt")
def test_what_is_remembered_is_shown_by_strategy_and_kind(cli):
    status, out, _ = cli("memory", "list")
    assert status == 0
    assert out.splitlines() == [
        "auto, kind math:", "  wins:", "    critic: 2",
        "reflexion, kind code:", "  lessons: none", "  runs: 1",
        "reflexion, kind math:", "  lessons:", "    text: Read it␛[31m twice.; uses: 3", "  runs: 7"]
    shown = json.loads(cli("memory", "list", "--json")[1])["memories"]
    assert shown[0] == {"strategy": "auto", "kind": "math", "memory": {"wins": {"critic": 2}}}


@pytest.mark.usefixtures("learnt")
def test_one_strategys_memory_is_forgotten_and_the_others_stay(cli):
    assert cli("memory", "forget", "reflexion:3")[:2] == (0, "reflexion: forgotten for 2 kinds of tasks.\n")
    assert cli("memory", "list")[1].startswith("auto, kind math:") and "reflexion" not in cli("memory", "list")[1]
    assert cli("memory", "forget", "reflexion")[:2] == (0, "reflexion: nothing was remembered.\n")
    assert cli("memory", "forget")[:2] == (0, "All strategies: forgotten for 1 kind of tasks.\n")


def test_where_nothing_was_learnt_that_is_said_and_nothing_made(cli):
    assert cli("memory", "list") == (0, "Nothing is remembered.\n", "")
    assert json.loads(cli("memory", "list", "--json")[1]) == {"memories": []}
    assert cli("memory", "forget")[1] == "All strategies: nothing was remembered.\n"
    assert not load_settings().memory_path.exists()


def test_a_damaged_memory_is_one_line(cli):
    load_settings().memory_path.write_text("this is no database, however long it may be" * 40)
    status, out, err = cli("memory", "list")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "memory of strategies" in err
