"""The thread that owns a model: it takes generations from any thread and decodes for as long as there are some."""

from __future__ import annotations

import threading

from agentfix.errors import ModelError
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.requests import Request
from agentfix.models.llamacpp.scheduler import Scheduler
from agentfix.models.llamacpp.store import PrefixStore


class Engine:
    """A loaded model that serves many generations at once.

    Args:
        llama: the model; it belongs to the engine, which frees it.
        store: where prefixes that other processes ask for are kept; None to keep none. It belongs to the engine too.
    """

    def __init__(self, llama: Llama, store: PrefixStore | None = None) -> None:
        self.llama = llama
        self._store = store
        self._news = threading.Condition()
        self._inbox: list[Request] = []
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="llamacpp", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it serves nobody any more."""
        return self._closing

    def submit(self, asked: Request) -> None:
        """Have a request served; see its `future`.

        Raises:
            ModelError: the engine is closed.
        """
        with self._news:
            if self._closing:
                raise ModelError("The model is closed.", "Make a new Agent.")
            self._inbox.append(asked)
            self._news.notify()

    def close(self) -> None:
        """Free the model when all that was submitted has ended. May be called twice."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join()
        self.llama.close()
        if self._store is not None:
            self._store.close()

    def _serve(self) -> None:
        scheduler = Scheduler(self.llama, self._store)
        try:
            while True:
                with self._news:
                    while scheduler.idle and not self._inbox and not self._closing:
                        self._news.wait()
                    news, self._inbox = self._inbox, []
                    if self._closing and scheduler.idle and not news:
                        return
                for asked in news:
                    scheduler.add(asked)
                scheduler.step()
        finally:
            with self._news:  # nobody may wait for a thread that is gone
                self._closing = True
                for asked in self._inbox:
                    scheduler.add(asked)
            scheduler.fail(ModelError("The local model's thread ended before the reply.", "Run it again."))
