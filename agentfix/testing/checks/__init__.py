"""What every plugin must do alike: the checks of `agentfix plugins check`, which are classes of tests as well.

    class TestWordCount(ToolConformance):
        target = "agentfix_demo"                      # lets checks run in a process of their own; may be left out
        arguments = ({"text": "two words"},)          # calls that must succeed, besides made-up ones

        @pytest.fixture
        def tool(self):
            return word_count

What a part does not claim to do is skipped, with the reason. What it should do and doesn't can be named in
`known_failures`: a check of that name is run all the same, is skipped with the reason while it fails, and fails once it
passes. The checks need no plugin of pytest's.
"""

from __future__ import annotations

from agentfix.testing.checks.check import Checks, ConformanceWarning
from agentfix.testing.checks.critics import CriticConformance
from agentfix.testing.checks.kinds import KindConformance
from agentfix.testing.checks.plugin import PluginConformance
from agentfix.testing.checks.strategies import StrategyConformance
from agentfix.testing.checks.tools import ToolConformance

__all__ = ["Checks", "ConformanceWarning", "CriticConformance", "KindConformance", "PluginConformance",
           "StrategyConformance", "ToolConformance"]
