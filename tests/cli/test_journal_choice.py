"""`--journal`: what happens to a run when its journal can't be written, as the user chose."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such folders and limits")

RUN = """
import resource, sys
from agentfix.agent import Agent
from agentfix.cli.main import main
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin
from tests.test_resuming import CRASH, DERIVED, QUESTION, RIGHT

largest, *arguments = sys.argv[1:]
script = script_plugin(ScriptedModel([f"{text}\\n" for text in (CRASH, RIGHT, DERIVED)]))
if largest != "any":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), resource.RLIM_INFINITY))
question = QUESTION + " Not these: " + " ".join(str(i ** 5) for i in range(4000))
sys.exit(main(["run", question, "--kind", "math", *arguments],
              make_agent=lambda settings: Agent(settings, Plugins(settings, {"script": script}))))
"""


def run(data: Path, *arguments: str, largest_file: str = "any") -> tuple[int, str, str]:
    """Status, output and errors of a run in a process of its own."""
    given = {"AGENTFIX_MODEL": "scripted:", "AGENTFIX_SANDBOX": "embedded", "AGENTFIX_DATA_DIR": str(data)}
    done = subprocess.run([sys.executable, "-c", RUN, largest_file, *arguments], cwd=ROOT, text=True, check=False,
                          capture_output=True, env={**os.environ, **given})
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def shut(tmp_path):
    """A folder in which nothing can be made."""
    folder = tmp_path / "shut"
    folder.mkdir()
    folder.chmod(0o555)
    return Path("/sys") if os.access(folder, os.W_OK) else folder  # root writes anywhere but there


def test_a_folder_that_can_only_be_read_is_one_error(shut):
    status, out, err = run(shut / "data")
    assert (status, err.count("\n")) == (1, 1) and "can't be opened" in err and "--journal memory" in err
    assert "answers" not in out


def test_a_folder_that_can_only_be_read_is_done_without(shut):
    assert run(shut / "data", "--journal", "memory", "--quiet") == (0, "60\n", "")
    status, out, err = run(shut / "data", "--journal", "file-or-memory", "--json")
    assert (status, json.loads(out)["answer"]) == (0, "60")
    assert err.count("\n") == 1 and "can't be opened" in err and "goes on in memory" in err


def test_a_disk_that_fills_up_ends_the_run_with_what_there_is(tmp_path):
    status, out, err = run(tmp_path, "--json", largest_file="100000")
    told = json.loads(out)
    assert status == 1 and told["stop_reason"].startswith("failed: The journal") and told["attempts"]
    first, second = err.splitlines()
    assert "can't be written" in first and "--journal memory" in first
    assert second == f"agentfix: the run failed; go on with: agentfix resume {told['run_id']}"
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT id FROM runs").fetchall() == [(told["run_id"],)]


def test_a_disk_that_fills_up_is_done_without(tmp_path):
    assert run(tmp_path, "--journal", "memory", "--quiet", largest_file="100000") == (0, "60\n", "")
    status, out, err = run(tmp_path, "--journal", "file-or-memory", "--json", largest_file="100000")
    assert (status, json.loads(out)["answer"]) == (0, "60")
    assert err.count("\n") == 1 and "can't be written" in err and "goes on in memory" in err
