"""What every sandbox must do alike, as tests that a sandbox of your own can be held to.

    class TestMySandbox(SandboxConformance):
        lacks = {"functions": "the machine can't call back"}
        known_failures = {"test_a_sleeper_is_stopped": "the clock of the guest stands still while it sleeps"}

        @pytest.fixture
        async def sandbox(self):
            sandbox = MySandbox()
            yield sandbox
            await sandbox.aclose()

The tests are coroutines: pytest runs them with pytest-asyncio in its mode `auto`. What a sandbox does not claim to do
(`lacks`) is skipped, with the reason. What it should do and doesn't is named in `known_failures`: a test of that name
is run all the same, is skipped with the reason while it fails, and fails once it passes, so that the list stays true.
Failures tell more after `pytest.register_assert_rewrite("agentfix.testing.conformance")` in a conftest.py.
"""

from __future__ import annotations

from agentfix.testing.conformance.cells import CellConformance
from agentfix.testing.conformance.check import Capability
from agentfix.testing.conformance.files import FileConformance
from agentfix.testing.conformance.functions import FunctionConformance
from agentfix.testing.conformance.limits import LimitConformance
from agentfix.testing.conformance.programs import ProgramConformance
from agentfix.testing.conformance.sessions import SessionConformance

__all__ = ["Capability", "SandboxConformance"]


class SandboxConformance(ProgramConformance, LimitConformance, CellConformance, FileConformance, FunctionConformance,
                         SessionConformance):
    """Subclass it, with a fixture `sandbox` that is the sandbox meant."""
