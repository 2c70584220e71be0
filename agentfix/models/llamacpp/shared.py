"""One engine for all who use the same model file in the same way: its weights and its cache are in memory once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from agentfix.models.llamacpp.engine import Engine


@dataclass
class _Place:
    loading: threading.Lock = field(default_factory=threading.Lock)
    engine: Engine | None = None
    users: int = 0


class SharedEngines:
    """Engines by what tells them apart; each is closed when its last user gives it back."""

    def __init__(self) -> None:
        self._places: dict[Hashable, _Place] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, make: Callable[[], Engine]) -> Engine:
        """The engine of a key, made if nobody uses one; to be given back.

        Raises:
            Exception: what `make` raises; then nothing was taken.
        """
        with self._lock:
            place = self._places.get(key)
            if place is None or (place.engine is not None and place.engine.ended):
                place = self._places[key] = _Place()
            place.users += 1
        try:
            with place.loading:
                if place.engine is None:
                    place.engine = make()
                return place.engine
        except BaseException:
            self._leave(key, place)
            raise

    def give_back(self, engine: Engine) -> None:
        """Say that an engine is used no more by one who took it."""
        with self._lock:
            found = next(((key, place) for key, place in self._places.items() if place.engine is engine), None)
        if found is not None:
            self._leave(*found)
        else:  # it ended by itself, and another has its place
            engine.close()

    def _leave(self, key: Hashable, place: _Place) -> None:
        with self._lock:
            place.users -= 1
            if place.users:
                return
            if self._places.get(key) is place:
                del self._places[key]
        if place.engine is not None:
            place.engine.close()


ENGINES = SharedEngines()
"""Those of this process: what they share, its memory, is the process's."""
