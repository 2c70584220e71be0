"""Names the plugin whose code fails, so that a fault of one part is no riddle and no traceback."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from agentfix.errors import AgentFixError, PluginError
from agentfix.graph.meter import BudgetSpent
from agentfix.places import place_of_error


@contextmanager
def blaming(part: str, name: str) -> Generator[None]:
    """Turn what a part raises by mistake into an error that names it.

    Args:
        part: its sort, such as `strategy`.
        name: its name.

    Raises:
        PluginError: the part raised something that is no error of agentfix's.
    """
    try:
        yield
    except (AgentFixError, BudgetSpent):
        raise
    except (Exception, SystemExit) as error:
        place = place_of_error(error)
        where = f" at {place}" if place else ""
        raise PluginError(name, f"the {part} failed: {error!r}{where}.") from error
