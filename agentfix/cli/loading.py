"""Loads the local model that is to answer, and shows how far it is where that takes long; on a terminal only."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import TypeAlias

from agentfix.cli.fetching import local_name
from agentfix.cli.visible import one_line
from agentfix.errors import ModelError
from agentfix.settings import Settings

SHOWN_AFTER_S = 1.0
"""Who waits less needs no bar."""
HEARING_S = 0.2
"""An endless wait hears nothing of Ctrl-C on Windows."""
ShowProgress: TypeAlias = Callable[[str], AbstractContextManager[Callable[[float], None]]]


@contextmanager
def on_terminal(name: str) -> Generator[Callable[[float], None]]:
    """Shows a bar once it takes long, where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    bar = Progress(*columns, console=Console(stderr=True, markup=False, highlight=False), transient=True)
    task, began = bar.add_task(f"loading {one_line(name)}", total=1.0), time.monotonic()

    def show(done: float) -> None:
        bar.update(task, completed=done)
        if not bar.live.is_started and time.monotonic() - began > SHOWN_AFTER_S:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()


@contextmanager
def loaded_model(settings: Settings, show_progress: ShowProgress = on_terminal) -> Generator[None]:
    """Have the model that answers loaded, for all in this process, while this is open. Ctrl-C ends the loading.

    Args:
        settings: they name the model.
        show_progress: opened with its name while it is loaded, and told how much of it is.

    Raises:
        As `agentfix.models.llamacpp.loading.take_engine`.
    """
    name = local_name(settings.model)
    if name is None or find_spec("llama_cpp") is None:
        yield
        return
    from agentfix.models.llamacpp.loading import take_engine  # noqa: PLC0415 - needs an optional package
    from agentfix.models.llamacpp.shared import ENGINES  # noqa: PLC0415

    stopped = threading.Event()
    # Not in this thread, which hears of Ctrl-C between two instructions of Python only.
    with ThreadPoolExecutor(1, "loading") as thread, show_progress(name) as show:
        def on_progress(done: float) -> None:
            if stopped.is_set():
                raise ModelError("The loading was stopped.")
            show(done)

        loading = thread.submit(take_engine, name, settings, on_progress)
        try:
            while not wait((loading,), HEARING_S).done:
                pass
        except KeyboardInterrupt:
            stopped.set()
            raise
        engine = loading.result()
    try:
        yield
    finally:
        ENGINES.give_back(engine)
