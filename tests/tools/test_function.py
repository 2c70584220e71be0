"""Tools out of functions: what can be told to a model and called, and what is refused when it is decorated."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import pytest
from pydantic import Field

from agentfix import ConfigError, ToolContext, tool
from agentfix.testing import ScriptedSandbox


async def test_names_that_pydantic_uses_itself_are_names_of_arguments():
    @tool
    def tell(schema: str, json: str, copy: str, model_config: str, self: str, _under: str = "u") -> str:
        """Tell."""
        return " ".join((schema, json, copy, model_config, self, _under))

    session = await ScriptedSandbox([]).open()
    given = {"schema": "s", "json": "j", "copy": "c", "model_config": "m", "self": "me", "_under": "x"}
    assert (await tell.run(given, ToolContext(session, 5.0))).text == "s j c m me x"
    assert list(tell.spec.parameters["properties"]) == list(given)


def test_what_an_argument_means_is_read_from_either_place():
    @tool
    def tell(one: Annotated[int, Field(ge=1, description="from the field")], two: int) -> str:
        """Tell.

        Args:
            two: from the docstring
        """
        return ""

    said = {name: schema["description"] for name, schema in tell.spec.parameters["properties"].items()}
    assert said == {"one": "from the field", "two": "from the docstring"}


def yields(count: int):
    """Count."""
    yield count


async def yields_later(count: int):
    """Count."""
    yield count


def by_place(context: ToolContext, /, count: int) -> str:
    """Count."""
    return ""


@pytest.mark.parametrize(("function", "says"), [
    (yields, "'yields' yields"),
    (yields_later, "'yields_later' yields"),
    (by_place, "can't be given by name"),
    (partial(by_place, 1), "can't be given by name"),
])
def test_what_can_not_be_called_by_a_model_is_refused_at_once(function, says):
    with pytest.raises(ConfigError, match=says):
        tool(function)
