from __future__ import annotations

from typing import ClassVar
from unittest import SkipTest

import pytest

from agentfix import ExecResult
from agentfix.testing import SandboxConformance, ScriptedSandbox

FINE = ExecResult("ok", stdout="fine\n", value="45", exit_code=0)


class Excused(SandboxConformance):
    lacks: ClassVar = {"links": "there are none"}
    known_failures: ClassVar = {"test_closing_twice_is_closing_once": "it is slow to close"}


async def test_a_sandbox_that_does_otherwise_fails() -> None:
    with pytest.raises(AssertionError):
        await SandboxConformance().test_closing_twice_is_closing_once(ScriptedSandbox([ExecResult("error")]))
    await SandboxConformance().test_closing_twice_is_closing_once(ScriptedSandbox([FINE]))


async def test_what_is_not_claimed_is_skipped_with_its_reason() -> None:
    with pytest.raises(SkipTest, match="links is not claimed: there are none"):
        await Excused().test_links_lead_nowhere(ScriptedSandbox([]))


async def test_a_known_failure_is_skipped_with_its_reason_while_it_fails() -> None:
    with pytest.raises(SkipTest, match="known to fail: it is slow to close"):
        await Excused().test_closing_twice_is_closing_once(ScriptedSandbox([ExecResult("error")]))


async def test_a_known_failure_that_passes_is_out_of_date() -> None:
    with pytest.raises(AssertionError, match="take it out of known_failures"):
        await Excused().test_closing_twice_is_closing_once(ScriptedSandbox([FINE]))
