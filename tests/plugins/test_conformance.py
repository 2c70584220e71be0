"""The first-party plugins are held to what every plugin is held to."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from agentfix import Plugins, Settings, Tool
from agentfix.testing import (
    CriticConformance,
    KindConformance,
    PluginConformance,
    StrategyConformance,
    ToolConformance,
)

PLUGINS = Plugins(Settings(enabled_plugins=()))


def parts(part):
    return [entry.name for entry in PLUGINS.names(part)]


@pytest.fixture(params=parts("tool"))
def tool(request) -> Tool:
    made = PLUGINS.build("tool", request.param)
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
