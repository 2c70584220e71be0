"""The first-party plugins are held to what every plugin is held to."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from agentfix_plugins.web_search.tool import web_search_tool

from agentfix import Build, Plugins, Settings, Tool
from agentfix.testing import (
    CriticConformance,
    KindConformance,
    PluginConformance,
    StrategyConformance,
    ToolConformance,
)

PLUGINS = Plugins(Settings(enabled_plugins=()))


async def at_once(seconds: float) -> None:
    """An engine's turn and the next try come without a wait."""


MADE = {"web_search": lambda part, name: web_search_tool(Build(PLUGINS.settings, "", PLUGINS.build), at_once)}
"""Tools that would keep a test waiting."""


def parts(part):
    return [entry.name for entry in PLUGINS.names(part)]


@pytest.fixture(params=parts("tool"))
def tool(request) -> Tool:
    made = MADE.get(request.param, PLUGINS.build)("tool", request.param)
    if not isinstance(made, Tool):
        pytest.skip("its tools are found when it is opened")
    return made


@pytest.fixture(params=parts("critic"))
def critic(request):
    return PLUGINS.build("critic", request.param)


@pytest.fixture(params=parts("strategy"))
def strategy(request):
    return PLUGINS.build("strategy", request.param)


@pytest.fixture(params=parts("kind"))
def kind(request):
    return PLUGINS.build("kind", request.param)


class TestTools(ToolConformance):
    """Each tool."""

    count = 8
    timeout_s = 6.0


class TestCritics(CriticConformance):
    """Each critic."""


class TestStrategies(StrategyConformance):
    """Each strategy."""


class TestKinds(KindConformance):
    """Each kind."""


@pytest.mark.parametrize("name", [info.name for info in PLUGINS.infos()])
@pytest.mark.parametrize("check", [name for name in vars(PluginConformance) if name.startswith("test_")])
def test_a_plugin(name, check):
    """Each plugin."""
    [point] = entry_points(group="agentfix", name=name)
    checks = type("Checks", (PluginConformance,), {"name": name})
    getattr(checks(), check)(point.load())
