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
        self._ended: list[_Place] = []
        """Places of engines that ended by themselves, and have users still."""
        self._lock = threading.Lock()

    def take(self, key: Hashable, make: Callable[[], Engine]) -> Engine:
        """The engine of a key, made if nobody uses one; to be given back.

        Raises:
            Exception: what `make` raises; then nothing was taken.
        """
        with self._lock:
            place = self._places.get(key)
            if place is not None and place.engine is not None and place.engine.ended:
                self._ended.append(place)
                place = None
            if place is None:
                place = self._places[key] = _Place()
            place.users += 1
        try:
            with place.loading:
                if place.engine is None:
                    place.engine = make()
                return place.engine
        except BaseException:
            self._leave(place)
            raise

    def give_back(self, engine: Engine) -> None:
        """Say that an engine is used no more by one who took it."""
        with self._lock:
            place = next(place for place in (*self._places.values(), *self._ended) if place.engine is engine)
        self._leave(place)

    def _leave(self, place: _Place) -> None:
        with self._lock:
            place.users -= 1
            if place.users:
                return
            self._places = {key: each for key, each in self._places.items() if each is not place}
            self._ended = [each for each in self._ended if each is not place]
        if place.engine is not None:
            place.engine.close()


ENGINES = SharedEngines()
"""Those of this process: what they share, its memory, is the process's."""
