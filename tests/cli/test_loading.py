"""A command loads the model that is to answer before it begins, and shows that on a terminal only."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager

import pexpect
import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                    exc_type=ImportError)

from agentfix.cli.loading import loaded_model
from agentfix.errors import ModelUnavailableError
from agentfix.models.llamacpp.loading import take_engine
from agentfix.models.llamacpp.shared import ENGINES
from agentfix.settings import Settings
from tests.models import tiny_gguf


@pytest.fixture
def settings(tmp_path):
    file = tiny_gguf.write("llama", tmp_path / "tiny.gguf")
    return Settings(data_dir=tmp_path, model=f"llamacpp:{file}", context_tokens=256, threads=1)


def take(settings):
    return take_engine(settings.model.removeprefix("llamacpp:"), settings)


def test_what_a_command_loaded_is_what_its_agent_gets(settings, capfd):
    with loaded_model(settings):
        one, other = take(settings), take(settings)
        assert one is other
        ENGINES.give_back(one)
        ENGINES.give_back(other)
        assert take(settings) is one  # it is kept meanwhile
        ENGINES.give_back(one)
    assert take(settings) is not one
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("model", ["openai:gpt-4.1-mini", "scripted:"])
def test_models_elsewhere_are_not_loaded(settings, model):
    with loaded_model(settings.model_copy(update={"model": model})):
        pass


def test_a_broken_model_is_an_error_and_nothing_is_left(settings, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes((tmp_path / "tiny.gguf").read_bytes()[:-5000])
    with pytest.raises(ModelUnavailableError, match="can't load"), \
            loaded_model(settings.model_copy(update={"model": str(broken)})):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loading")]


def test_ctrl_c_ends_the_loading(settings):
    told: list[float] = []
    left = threading.Event()

    @contextmanager
    def pressing_ctrl_c(name):
        def show(done):
            told.append(done)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert left.wait(30)

        try:
            yield show
        finally:
            left.set()

    with pytest.raises(KeyboardInterrupt), loaded_model(settings, pressing_ctrl_c):
        pass
    assert len(told) == 1 and told[0] < 1.0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loading")]


SCRIPT = """
import sys
from pathlib import Path
from agentfix.cli import loading
from agentfix.settings import Settings
loading.SHOWN_AFTER_S = float(sys.argv[3])
with loading.loaded_model(Settings(data_dir=Path(sys.argv[2]), model=sys.argv[1], context_tokens=256, threads=1)):
    print("loaded")
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("after", "shown"), [("0", True), ("60", False)])
def test_a_bar_is_shown_on_a_terminal_once_it_takes_long(settings, tmp_path, after, shown):
    model = settings.model.removeprefix("llamacpp:")
    terminal = pexpect.spawn(sys.executable, ["-c", SCRIPT, model, str(tmp_path), after], encoding="utf-8", timeout=60,
                             env={**os.environ, "TERM": "xterm", "COLUMNS": "200"})
    terminal.expect("loaded")
    assert ("loading " in terminal.before and "%" in terminal.before) == shown
    terminal.expect(pexpect.EOF)
