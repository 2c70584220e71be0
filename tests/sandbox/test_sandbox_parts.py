"""Registration, bounded output, and the reading of what a container says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix import ConfigError, SandboxLostError, load_settings
from agentfix.plugins import Plugins
from agentfix.sandbox.dialect import features_used, modules_lacking, syntax_error
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.frames import Done, FrameReader, pack, read_report
from agentfix.sandbox.output import HeadTail


@pytest.mark.parametrize("name", ["auto", "embedded", "docker"])
def test_each_sandbox_is_registered_under_its_name(name: str) -> None:
    assert Plugins(load_settings()).build("sandbox", name).name == name


@given(st.lists(st.binary(max_size=50)), st.integers(0, 60))
def test_output_is_whole_or_marked_as_cut(pieces: list[bytes], limit: int) -> None:
    stream = HeadTail(limit)
    for piece in pieces:
        stream.add(piece)
    whole = b"".join(pieces)
    assert stream.truncated == (len(whole) > limit)
    if not stream.truncated:
        assert stream.text() == whole.decode("utf-8", "backslashreplace")
    else:
        tail = whole[len(whole) - limit // 2:]
        assert stream.text().endswith(tail.decode("utf-8", "backslashreplace"))
        assert f"{len(whole) - limit} bytes cut" in stream.text()


@settings(max_examples=10_000, deadline=None)
@given(st.one_of(st.binary(), st.builds(pack, st.dictionaries(st.text(), st.text() | st.integers()), st.binary())))
def test_whatever_comes_is_a_frame_or_refused(data: bytes) -> None:
    reader = FrameReader()
    reader.feed(data)
    try:
        while reader.next() is not None:
            pass
    except SandboxLostError as error:
        assert "protocol" in error.message


DONE = {"type": "done", "state": "fresh", "stopped_for": "", "exit_code": 0, "signal": None, "oom_kills": 0,
        "seconds": 0.1, "cpu_seconds": 0.1, "peak_memory_bytes": 1, "report": "", "clean": True}


def received(header: dict[str, object]) -> Done:
    reader = FrameReader()
    reader.feed(pack(header))
    read = reader.next()
    assert read is not None and isinstance(read.frame, Done)
    return read.frame


@pytest.mark.parametrize("change", [
    {"exit_code": "0"}, {"exit_code": -1}, {"seconds": None}, {"signal": 900}, {"more": 1}, {"report": 3},
    {"seconds": float("nan")}, {"state": "splendid"}, {"peak_memory_bytes": -1},
])
def test_what_a_worker_says_otherwise_than_agreed_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SandboxLostError):
        received(DONE | change)


@given(st.text())
def test_a_program_report_can_say_anything_without_harm(said: str) -> None:
    report = read_report(received(DONE | {"report": said}))
    assert report.value is None or isinstance(report.value, str)


@pytest.mark.parametrize("report", [
    {"value": "9" * 65537}, {"value": "é" * 40_000}, {"error": "x", "line": -1}, {"error": "x", "line": 10**4000},
])
def test_a_program_report_beyond_its_bounds_counts_as_none(report: dict[str, object]) -> None:
    read = read_report(received(DONE | {"report": json.dumps(report)}))
    assert (read.value, read.line, read.error) == (None, None, "")


@pytest.mark.parametrize("image", [
    "x/../../containers/json?", "a b", "a#b", "a?b", "", "../x", "a/../b", "A", "a\n", "a:b:c", "a%2fb", "a" * 600,
])
def test_what_is_no_image_reference_is_refused(image: str) -> None:
    with pytest.raises(ConfigError, match="sandbox_image"):
        DockerSandbox(image)


@pytest.mark.parametrize("image", [
    "agentfix-python", "python:3.12-slim", "localhost:5000/a/b_c:v1", "ghcr.io/a/b@sha256:" + "0" * 64,
])
def test_image_references_are_taken(image: str) -> None:
    assert DockerSandbox(image).name == "docker"


def test_the_modules_a_program_needs_are_seen_before_it_runs() -> None:
    code = "import math, numpy.linalg as la\nfrom os import path\nfrom . import x\nfrom scipy import stats"
    used = features_used(code)
    assert modules_lacking(used) == {"module 'numpy'", "module 'scipy'"}


@pytest.mark.parametrize("code", ["x = = 1", "a\0b", "(" * 5000, "return 3"])
def test_syntax_that_cpython_rejects_has_a_message(code: str) -> None:
    found = syntax_error(code)
    assert found is not None and found[0]


def test_syntax_is_looked_at_and_never_run() -> None:
    assert syntax_error("raise SystemExit(1)") is None
