"""Runs of the default model, told again from their recordings: without model, network, Docker or sandbox."""

from __future__ import annotations

import socket

import pytest

from agentfix import Agent, EvidenceClass, Result, Settings
from tests.stories import STORIES, Story


@pytest.fixture
def nothing_but_the_file(monkeypatch, tmp_path):
    """No network, no Docker, no model, an empty data folder."""

    def refuse(*args: object) -> None:
        raise AssertionError("a replay went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    return tmp_path


async def told(name: str, folder) -> tuple[Story, Result]:
    story = next(story for story in STORIES if story.name == name)
    settings = Settings(model=f"replay:{story.file}", strategy=story.strategy, sandbox="docker", data_dir=folder)
    async with Agent(settings) as agent:
        return story, await agent.arun(story.task)


async def test_attempts_disagree_until_one_answer_leads(nothing_but_the_file):
    _, result = await told("shirt", nothing_but_the_file)
    assert (result.answer, result.supported_by) == ("80", EvidenceClass.AGREEMENT)
    assert len({a.answer for a in result.attempts}) > 1 and {a.role for a in result.attempts} > {"program"}
    assert result.attempts[0].author == "llamacpp:qwen2.5-coder-1.5b"


async def test_the_callers_own_checks_are_a_contract(nothing_but_the_file):
    _, result = await told("second-largest", nothing_but_the_file)
    assert result.supported_by is EvidenceClass.CONTRACT and "checks pass" in result.reason


async def test_what_no_attempt_solves_is_said_to_be_unsupported(nothing_but_the_file):
    _, result = await told("ranges", nothing_but_the_file)
    assert result.abstained and result.supported_by is None and len(result.attempts) > 3
    assert all(standing.state == "refuted" for standing in result.standings)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_a_recording_alone_says_which_run_it_was(nothing_but_the_file, story):
    settings = Settings(sandbox="docker", data_dir=nothing_but_the_file)
    async with Agent(settings) as agent:
        again = await agent.areplay(story.file)
    _, asked = await told(story.name, nothing_but_the_file)
    assert (again.answer, again.attempts, again.critiques) == (asked.answer, asked.attempts, asked.critiques)
