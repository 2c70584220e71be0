"""Where `agentfix` can be talked with: narrow terminals, dumb ones, pipes; with and without colours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentfix.repl.screen import TerminalScreen
from tests.repl.conftest import PLUGIN
from tests.repl.screens import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

QUESTION = "What is the capital of France?"


@pytest.fixture
def pipe(tmp_path, folder, says):
    """`agentfix` where nobody sits: what it is told by a pipe, and what it says."""

    def talk(*arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("AGENTFIX_")}
        paths = [str(ROOT), *(str(Path(path).absolute()) for path in env.get("PYTHONPATH", "").split(os.pathsep))]
        env |= {"AGENTFIX_DATA_DIR": str(tmp_path / "data"), "AGENTFIX_MODEL": f"script:{tmp_path}",
                "AGENTFIX_STRATEGY": "none", "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run([sys.executable, "-m", "agentfix", *arguments], input=told, cwd=folder, env=env,
                              capture_output=True, text=True, timeout=120)

    return talk


def test_a_pipe_is_read_line_by_line(pipe, says, folder):
    says("Paris it is.", "Two million.")
    done = pipe("repl", "--plugin", str(PLUGIN), "--kind", "text",
                told=f"{QUESTION}\n/challenge\n\nHow many people \\\nlive there?\n/export all.md\n")
    assert done.returncode == 1 and "needs your objection" in done.stderr, "the second line could not be done"
    assert "\x1b" not in done.stdout and "> " not in done.stdout
    assert done.stdout.index("Paris it is.") < done.stdout.index("Two mill")
    assert "How many people \nlive there?" in (folder / "all.md").read_text(encoding="utf-8")


def test_in_a_pipe_nobody_is_asked_and_side_effects_are_refused(pipe, says, folder):
    from tests.repl.test_talking import POST, POSTED

    says(POST, POSTED)
    done = pipe("repl", "--plugin", str(PLUGIN), "--kind", "tools", told="/tools post\nPost the letter.\n")
    assert "post says refused" in done.stdout and not (folder / "posted.txt").exists()


def test_agentfix_alone_is_a_conversation_at_a_terminal_and_help_elsewhere(pipe, start, says):
    told = pipe()
    assert told.returncode == 2 and "Commands:" in told.stdout + told.stderr
    screen = start(command=())
    screen.until("/help lists the commands, Ctrl-D leaves.")
    assert screen.leave() == 0


def test_a_dumb_terminal_is_sent_no_escapes(start, says, stuck):
    says("Let me think ...", "Paris it is.", "Two million.")
    screen = start(TERM="dumb")
    screen.ready()
    screen.type(QUESTION)
    screen.until("model script:")
    stuck()
    screen.stop()
    screen.until("Stopped.")
    screen.ready()
    screen.type("/retry")
    screen.until("Paris it is.", "stopped:", "Paris it is.")
    screen.ready()
    screen.keys("half a line\x03")  # Ctrl-C drops what was typed
    screen.until("> ")
    screen.type("How many \\")
    screen.until("... ")
    screen.type("people?")
    screen.until("question: How many people?", "Two million.")
    assert screen.leave() == 0
    assert "\x1b" not in screen.raw


def test_without_prompt_toolkit_lines_are_read_plainly(start, says, tmp_path, monkeypatch):
    says("Paris it is.")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['prompt_toolkit'] = None\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "without"), os.environ.get("PYTHONPATH", ""))))
    screen = start()
    screen.until("pip install 'agentfix[repl]'")
    screen.ready()
    screen.type(QUESTION)
    screen.until("answers Paris it is.", "stopped:")
    assert screen.leave() == 0


def test_without_colours_there_are_none(start, says):
    says("Paris it is.")
    screen = start(NO_COLOR="1")
    screen.ready()
    screen.type(f"/undo {QUESTION} `code`")
    screen.until("Nothing was asked yet")
    screen.type(QUESTION)
    screen.until("Paris it is.", "stopped:")
    screen.ready()
    looks = {code for look in re.findall(r"\x1b\[([0-9;]*)m", screen.raw) for code in look.split(";")}
    assert looks <= {"", "0", "1", "2", "3", "4", "22", "24"}  # bold, dim, underlined


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_everything_fits_the_terminal(start, says, columns):
    says("Paris " * 60)
    screen = start(columns=str(columns))
    screen.ready()
    screen.type(QUESTION)
    screen.until("stopped:")
    screen.ready()
    rows = screen.text().splitlines()
    assert {len(row) for row in rows} == {columns}
    edges = [row.rstrip() for row in rows if row.startswith("│")]
    assert edges and {len(row) for row in edges} == {columns}


def test_what_leaves_nothing_behind_leaves_nothing_behind(start, says, tmp_path):
    says("Paris it is.")
    screen = start("--journal", "memory")
    screen.until("Nothing is kept")
    screen.ready()
    screen.type(QUESTION)
    screen.until("Paris it is.", "stopped:")
    screen.type("/trace")
    screen.until("step 1: model")
    screen.type("/save france")
    screen.until("is not kept")
    assert screen.leave() == 0
    assert not [file for file in (tmp_path / "data").rglob("*") if file.is_file()]


def test_what_is_indented_further_than_the_terminal_is_wide_is_shown_and_an_empty_line_too(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    screen = TerminalScreen()
    screen.say(" " * 50 + "hello world")
    screen.say("")
    screen.say("end")
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["hello world", "", "end"]
