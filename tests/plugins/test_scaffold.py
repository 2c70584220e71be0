"""`agentfix plugins new`: what it writes can be installed, passes its own tests and every check, at once."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from agentfix import InputError
from agentfix.plugins.scaffold import write_plugin
from agentfix.testing.checks.supervising import check_target

ROOT = Path(__file__).parent.parent.parent
UV = [sys.executable, "-m", "uv"]


def run(*command, cwd=None, **variables):
    return subprocess.run(list(map(str, command)), cwd=cwd, env={**os.environ, **variables}, capture_output=True,
                          text=True, check=False)


@pytest.fixture
def demo(tmp_path):
    write_plugin("word-demo", tmp_path / "word-demo", ())
    return tmp_path / "word-demo"


def test_everything_is_written_and_nothing_is_left_to_fill_in(tmp_path):
    files = write_plugin("word_demo", tmp_path / "new", ())
    assert {str(file.relative_to(tmp_path / "new")) for file in files} >= {
        "pyproject.toml", "README.md", ".github/workflows/tests.yml", "src/agentfix_word_demo/__init__.py",
        "src/agentfix_word_demo/tool.py", "src/agentfix_word_demo/critic.py", "tests/test_tool.py"}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.endswith("\n") and "{%" not in text
        assert "{{" not in text.replace("${{ matrix.python }}", "")


def test_its_own_tests_pass(demo):
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=demo,
               PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_its_style_is_clean(demo):
    done = run(sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", cwd=demo)
    assert done.returncode == 0, done.stdout


def test_it_passes_every_check_from_its_source(demo):
    lines = list(check_target(str(demo)))
    assert {line.status for line in lines} == {"ok", "skipped"}
    assert {line.subject for line in lines} == {"word-demo", "tool word_demo", "critic word-demo-critic"}


def test_installed_it_is_found_under_its_name(demo, tmp_path):
    """In an environment of its own, which sees the packages of this one."""
    python = tmp_path / "environment" / "bin" / "python"
    assert run(*UV, "venv", "-q", "--python", sys.executable, tmp_path / "environment").returncode == 0
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    here = [entry for entry in sys.path if entry and Path(entry).is_dir()]
    (Path(packages) / "here.pth").write_text("\n".join([*here, sysconfig.get_path("purelib")]))
    installed = run(*UV, "pip", "install", "-q", "--no-deps", "--python", python, demo)
    if installed.returncode:
        pytest.skip(f"it can't be built here: {installed.stderr.strip()[-200:]}")
    listed = run(python, "-m", "agentfix", "plugins", cwd=tmp_path)
    assert "word-demo" in listed.stdout and "tool word_demo, critic word-demo-critic" in listed.stdout
    checked = run(python, "-m", "agentfix", "plugins", "check", "word-demo", cwd=tmp_path)
    assert (checked.returncode, "failed" in checked.stdout) == (0, False), checked.stdout


@pytest.mark.parametrize("name", ["Demo", "1st", "two words", "-x", "a--b", "a/b", "..", "", "x" * 41, "dém"])
def test_a_bad_name_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="can't be a plugin's name"):
        write_plugin(name, tmp_path / "new", ())
    assert not (tmp_path / "new").exists()


def test_a_name_that_is_taken_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is a plugin or tool named 'check-json' already"):
        write_plugin("check-json", tmp_path / "new", {"check_json"})


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "demo").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_plugin("demo", tmp_path / "demo", ())
    assert list((tmp_path / "demo").iterdir()) == []


def test_a_folder_that_can_t_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        write_plugin("demo", tmp_path / "file" / "demo", ())


def test_the_package_of_agentfix_holds_the_templates(tmp_path):
    """A wheel made from a source distribution, as an index would have them."""
    source = tmp_path / "source"
    for name in ("agentfix", "plugins", "sandboxes"):
        for file in (ROOT / name).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = source / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    for name in ("pyproject.toml", "README.md"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    built = run(*UV, "build", "-q", "--out-dir", tmp_path / "dist", source)
    if built.returncode:
        pytest.skip(f"it can't be built here: {built.stderr.strip()[-200:]}")
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name.rpartition("/")[2] for name in archive.namelist() if "/plugins/template/" in name}
    assert held == {file.name for file in (ROOT / "agentfix/plugins/template").iterdir()}
