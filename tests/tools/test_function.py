"""Tools out of functions: what can be told to a model and called, and what is refused when it is decorated."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import pytest
from pydantic import Field

from agentfix import Claim, ConfigError, Evidence, Http, Observation, ToolCall, ToolContext, tool
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


# --- what checks and what undoes --------------------------------------------------------------------------------------


def no_arguments() -> str:
    return ""


def of_the_tool(name, text):
    return None


def of_other_types(call: str, observation: str) -> None:
    return None


def context_first(context: ToolContext, claim: Claim) -> None:
    return None


def with_more(claim: Claim, text: str) -> None:
    return None


@pytest.mark.parametrize("function", [no_arguments, of_the_tool, of_other_types, context_first, with_more])
def test_a_verifier_and_an_undoer_that_take_something_else_are_refused_when_they_are_decorated(function):
    @tool(side_effects=True)
    def put(name: str) -> str:
        """Put."""
        return name

    name, act = function.__name__, r"call: ToolCall, observation: Observation"
    with pytest.raises(ConfigError, match=rf"its verifier {name}\(.*\(claim: Claim, ...context\) -> Evidence \| None"):
        put.verifier(function)
    with pytest.raises(ConfigError, match=rf"its undoer {name}\(.*\({act}, ...context"):
        put.undoer(function)
    assert not put.spec.verifies and not put.spec.undoes


def test_verifiers_and_undoers_may_leave_out_types_and_take_the_context():
    @tool(side_effects=True)
    def put(name: str) -> str:
        """Put."""
        return name

    @put.verifier
    async def looks(claim: Claim, *, http: Http, tries: int = 2) -> Evidence | None:
        return None

    put.verifier(lambda claim: None)
    put.undoer(lambda call, _observation: None)

    @put.undoer
    def removes(act: ToolCall | None, said: Observation, context: ToolContext, **more: Any) -> None:
        return None

    assert put.spec.verifies and put.spec.undoes
