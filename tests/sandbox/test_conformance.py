"""The sandboxes of this project are held to what any other is held to, and the one for tests, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from agentfix import Sandbox
from agentfix.sandbox.auto import AutoSandbox
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.embedded import EmbeddedSandbox
from agentfix.testing import SandboxConformance, ScriptedSandbox
from tests.sandbox.recorder import Recorder

NO_LINKS = {"links": "no program of it can make one", "crash": "no program of it has a signal"}
LACKING = ("import numpy", "module 'numpy'")


class TestEmbedded(SandboxConformance):
    lacks: ClassVar = NO_LINKS
    unsupported = LACKING

    @pytest.fixture
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        sandbox = EmbeddedSandbox()
        yield sandbox
        await sandbox.aclose()


@pytest.mark.docker
class TestDocker(SandboxConformance):
    lacks: ClassVar = {"unsupported": "it is the whole of Python"}

    @pytest.fixture
    async def sandbox(self, engine: Engine, image: str) -> AsyncIterator[Sandbox]:
        sandbox = DockerSandbox(image)
        yield sandbox
        await sandbox.aclose()


@pytest.mark.docker
class TestAuto(SandboxConformance):
    lacks: ClassVar = {"unsupported": "docker is the whole of Python"}

    @pytest.fixture
    async def sandbox(self, engine: Engine, image: str) -> AsyncIterator[Sandbox]:
        sandbox = AutoSandbox(EmbeddedSandbox(), lambda: DockerSandbox(image))
        yield sandbox
        await sandbox.aclose()


class TestScripted(SandboxConformance):
    lacks: ClassVar = {**NO_LINKS, "functions": "nothing runs in it that could call one"}
    unsupported = LACKING

    @pytest.fixture
    async def sandbox(self, request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
        """Plays what happened to the programs of the test in the embedded sandbox."""
        recorder = Recorder(EmbeddedSandbox())
        await getattr(type(self), request.node.originalname)(self, recorder)
        await recorder.aclose()
        sandbox = ScriptedSandbox(recorder.outcomes)
        yield sandbox
        sandbox.assert_done()
        await sandbox.aclose()
