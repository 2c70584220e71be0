"""Gets ready in the background, while somebody types, what the first question needs: code, plugins, the model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from agentfix.errors import AgentFixError, ModelError
from agentfix.settings import Settings
from agentfix.threads import in_thread


@dataclass
class Warming:
    """What is being got ready.

    Args:
        changed: called, from another thread, when there is something new to show.
    """

    changed: Callable[[], None] = lambda: None
    loaded: float | None = None
    """How much of the model is loaded, from 0 to 1; None while nothing is loaded."""
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _done: threading.Event = field(default_factory=threading.Event, init=False)
    _missing: bool = field(default=False, init=False)
    """The model is to be fetched first, where that can be seen and stopped."""
    _begun: Settings | None = field(default=None, init=False)

    def begin(self, settings: Settings) -> None:
        """Get ready for these settings; what was got ready for others is let go when that is done."""
        if self._begun is not None and not self._missing and _wants(self._begun) == _wants(settings):
            return
        self._stop.set()
        self._missing = False
        self._begun, self._stop, self._done = settings, threading.Event(), threading.Event()
        threading.Thread(target=self._work, args=(settings, self._stop, self._done), daemon=True,
                         name="warming").start()

    async def ready(self) -> None:
        """Wait until all is there, or has failed: then the run says why."""
        await in_thread(self._done.wait)

    def end(self) -> None:
        """Let go of the model."""
        self._stop.set()

    def _work(self, settings: Settings, stop: threading.Event, done: threading.Event) -> None:
        try:
            with ExitStack() as held:
                try:
                    self._get_ready(settings, stop, held)
                finally:
                    done.set()
                    self.changed()
                stop.wait()
        except AgentFixError:
            return  # whoever asks the model is told

    def _get_ready(self, settings: Settings, stop: threading.Event, held: ExitStack) -> None:
        import agentfix.agent  # noqa: PLC0415 - takes a second, which is what this is about
        from agentfix.cli.fetching import local_name  # noqa: PLC0415
        from agentfix.cli.loading import loaded_model  # noqa: PLC0415
        from agentfix.models.catalog import open_catalogue  # noqa: PLC0415

        _ = agentfix.agent
        name = local_name(settings.model)
        if name is None:
            return
        if open_catalogue(settings).locate(name) is None:
            self._missing = True
            return
        held.enter_context(loaded_model(settings, lambda name: self._progress(stop)))

    @contextmanager
    def _progress(self, stop: threading.Event) -> Generator[Callable[[float], None]]:
        def show(done: float) -> None:
            if stop.is_set():
                raise ModelError("The loading was stopped.")
            self.loaded = done
            self.changed()

        try:
            yield show
        finally:
            self.loaded = None


def _wants(settings: Settings) -> tuple[object, ...]:
    """Of settings, what decides what is got ready."""
    return (settings.model, settings.context_tokens, settings.gpu_layers, settings.threads, settings.lora,
            settings.data_dir)
