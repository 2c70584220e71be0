"""Brings the corpus of a run up to date before the run begins, so that no tool's clock runs meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from agentfix.plugins import Plugins
from agentfix.settings import Settings


def index_corpus(settings: Settings) -> None:
    """Have what the settings name as the corpus indexed, where they name one.

    Raises:
        AgentFixError: it is not there, or can't be read.
    """
    if "corpus" not in settings.model_fields_set:
        return
    engine: Any = Plugins(settings).build("search_engine", "corpus")
    asyncio.run(engine.search("", 1))
