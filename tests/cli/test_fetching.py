"""A run fetches the local models it names before it begins, and says so on standard error only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentfix.cli.fetching import fetch_models
from agentfix.errors import CatalogueError, UnknownNameError
from agentfix.models.entries import ENTRIES
from agentfix.settings import Settings

NOWHERE = "http://127.0.0.1:9"
STUB = "raise SystemExit('llama.cpp is not loaded to fetch a model')\n"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of an empty data folder, with llama.cpp installed as far as anyone can see, and no source in reach."""
    (tmp_path / "llama_cpp.py").write_text(STUB, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    return Settings(data_dir=tmp_path, hugging_face_url=NOWHERE, model="scripted:")


def keep(settings, name):
    path = settings.models_dir / ENTRIES[name].place
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(ENTRIES[name].size_bytes)


def test_nothing_is_fetched_or_said_where_everything_is_there(settings, capfd):
    keep(settings, "smollm2-135m")
    fetch_models(settings)
    fetch_models(settings.model_copy(update={"model": "llamacpp:smollm2-135m"}))
    fetch_models(settings.model_copy(update={"model": "smollm2-135m"}))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wanted", [{"model": "llamacpp:smollm2-135m"}, {"model": "smollm2-135m"},
                                    {"critic_model": "llamacpp:smollm2-135m"}])
def test_a_missing_model_is_fetched_and_that_is_said_on_standard_error(settings, wanted, capfd):
    with pytest.raises(CatalogueError, match="'smollm2-135m' could not be fetched"):
        fetch_models(settings.model_copy(update=wanted))
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("smollm2-135m: ")


def test_an_unknown_model_is_said_before_anything_is_fetched(settings):
    with pytest.raises(UnknownNameError, match=r"Did you mean 'smollm2-135m'\?"):
        fetch_models(settings.model_copy(update={"model": "llamacpp:smollm2"}))


WITHOUT_LLAMA = """
import sys
sys.modules["llama_cpp"] = None
from agentfix.cli.main import main
sys.exit(main(["run", "What is 1 + 1?"]))
"""


def test_what_is_to_be_installed_is_said_before_anything_is_fetched(tmp_path):
    environment = {**os.environ, "AGENTFIX_DATA_DIR": str(tmp_path), "AGENTFIX_HUGGING_FACE_URL": NOWHERE}
    done = subprocess.run([sys.executable, "-c", WITHOUT_LLAMA], env=environment, cwd=tmp_path, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install 'agentfix[local]'" in done.stderr
    assert not Path(tmp_path, "models").exists()
