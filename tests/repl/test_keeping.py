"""What a conversation's file is worth after a crash, and who may write to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentfix.errors import InputError
from agentfix.repl.permissions import Permissions
from agentfix.repl.store import Sessions


@pytest.fixture
def sessions(tmp_path):
    return Sessions(tmp_path / "sessions")


def talk(session):
    session.note("set", name="strategy", value="none")
    session.note("asked", question="What?", run="r1")
    session.note("ended", run="r1", answer="That.", supported_by="person", declined=False, heard=False)
    session.note("asked", question="Why?", run="r2")


def test_every_line_counts_as_soon_as_it_is_written(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    state = sessions.read(session.name)
    assert state == session.state
    assert [turn.take.state for turn in state.turns] == ["ended", "cut off"]
    assert (state.turns[0].take.answer, state.changes) == ("That.", {"strategy": "none"})


@pytest.mark.parametrize("cut", [1, 5, 20, 40])
def test_a_line_that_was_cut_off_is_passed_over_and_gone_on_after(sessions, tmp_path, cut):
    session = sessions.new(tmp_path)
    talk(session)
    session.close()
    session.path.write_bytes(session.path.read_bytes()[:-cut])
    again = sessions.open(session.name)
    again.note("asked", question="And?", run="r3")
    state = sessions.read(session.name)
    assert (state.turns[0].take.answer, state.turns[-1].question) == ("That.", "And?") and state == again.state


def test_lines_of_a_later_version_are_passed_over(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    session.note("sung", tune="la")
    with session.path.open("a") as file:
        file.write('[1, 2]\n"x"\n{"is": 3}\n{"is": "asked"}\n')
    assert len(sessions.read(session.name).turns) == 2


def test_undoing_takes_back_a_run_and_then_its_question(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    session.note("again", run="r3", objection="No.", attempt=1)
    assert session.state.turns[1].take.objection == "No."
    session.note("undone")
    assert session.state.turns[1].take.run == "r2"
    session.note("undone")
    assert [turn.question for turn in session.state.turns] == ["What?"]


def test_a_conversation_in_which_nothing_happened_is_not_kept(sessions, tmp_path):
    session = sessions.new(tmp_path)
    session.note("left")
    session.close()
    assert sessions.names() == []


def test_a_change_can_be_taken_back(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    session.note("set", name="strategy", value=None)
    assert session.state.changes == {}


def test_one_process_at_a_time(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    with pytest.raises(InputError, match="open in another process"):
        sessions.open(session.name)
    assert sessions.cut_off(tmp_path) is None
    session.close()
    assert sessions.cut_off(tmp_path) == session.name
    assert sessions.cut_off(tmp_path / "elsewhere") is None
    assert sessions.open("last").state.turns[1].take.state == "cut off"


def test_who_left_is_not_offered_to_go_on(sessions, tmp_path):
    session = sessions.new(tmp_path)
    talk(session)
    session.note("left")
    session.close()
    assert sessions.cut_off(tmp_path) is None


@pytest.mark.parametrize("name", ["../x", ".x", "a/b", "", "x" * 100])
def test_a_name_stays_in_its_folder(sessions, tmp_path, name):
    with pytest.raises(InputError, match="can't be the name"):
        sessions.new(tmp_path).rename(name)


def test_a_folder_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be used"):
        talk(Sessions(tmp_path / "file" / "sessions").new(tmp_path))


@pytest.mark.parametrize("name", ["*", "po[s]t", "post(to=*)", ""])
def test_a_name_that_would_allow_other_tools_is_not_remembered(tmp_path, name):
    permissions = Permissions(tmp_path / "allowed.json", tmp_path)
    with pytest.raises(InputError, match="can't be allowed by its name"):
        permissions.allow(name)
    assert permissions.tools() == ()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"/p": "post"}', '{"/p": [1, null, "*"]}'])
def test_permissions_that_can_not_be_read_permit_nothing(tmp_path, text):
    (tmp_path / "allowed.json").write_text(text)
    permissions = Permissions(tmp_path / "allowed.json", tmp_path)
    assert permissions.tools() == () and Permissions(tmp_path / "allowed.json", Path("/p")).tools() == ()
    permissions.allow("post")
    assert permissions.tools() == ("post",)
