"""What comes from an engine or a box is read as it was sent, or refused; nothing else happens."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from agentfix_sandboxes.python.worker.scratch import FileError, split
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix import SandboxFileError, SandboxLostError
from agentfix.protocols import Limits
from agentfix.sandbox.docker.demux import Demux
from agentfix.sandbox.docker.frames import Facts, FrameReader, pack
from agentfix.sandbox.docker.isolation import read_isolation
from agentfix.sandbox.docker.kinds import BoxKind
from agentfix.sandbox.docker.outcome import Run
from agentfix.sandbox.inputs import ALL_BYTES, FILE_BYTES, check_input
from agentfix.sandbox.output import HeadTail

CASES = settings(max_examples=10_000, deadline=None)
LIMITS = Limits(memory_bytes=2**28)
KIND = BoxKind.of("sha256:0", LIMITS, (), "")
DONE = {"type": "done", "state": "fresh", "stopped_for": "", "exit_code": 0, "signal": None, "oom_kills": 0,
        "seconds": 0.5, "cpu_seconds": 0.5, "peak_memory_bytes": 1, "clean": True, "report": '{"value": "1"}'}
SCRATCH = {"bytes": KIND.disk_bytes, "inodes": 4096, "executable": False}
FACTS = {"python": "3.11", "kernel": "Linux 6.1", "user": 65534, "user_map": "0 0 4294967295", "capabilities": 0,
         "no_new_privileges": True, "seccomp": "2", "interfaces": ["lo"], "read_only_root": True,
         "folders": {"/box": SCRATCH, "/tmp": SCRATCH, "/dev/shm": None},
         "limits": {"memory_bytes": str(KIND.memory_bytes), "swap_bytes": "", "pids": "64"}, "cpus": 1.0,
         "open_files": 256, "refused": {"ptrace": "EPERM"}}
HEADERS: list[dict[str, Any]] = [
    {"type": "hello", "protocol": 2, "imported": ["numpy"]}, {"type": "pong"}, {"type": "output", "stream": "stderr"},
    {"type": "artefact", "path": "a/b", "size_bytes": 3, "whole": True}, DONE, {**DONE, "exit_code": 1, "report": ""},
    {**DONE, "exit_code": None, "signal": 9}, {"type": "facts", "facts": FACTS}, {"type": "put"}, {"type": "file"},
    {"type": "files", "files": [["a", 1]]}, {"type": "file_error", "error": "x"}, {"type": "failed", "error": "x"}]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["²", "9" * 5000])
    | st.sampled_from([10**100, -1, 2**63, 2**64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=4)


def changed(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The same with another value for one of its keys, somewhere."""
    def deeper(key: str) -> st.SearchStrategy[dict[str, Any]]:
        value = whole[key]
        other = changed(value) | ODD if isinstance(value, dict) and value else ODD
        return other.map(lambda new: {**whole, key: new})
    return st.sampled_from(sorted(whole)).flatmap(deeper)


@CASES
@given(st.sampled_from(HEADERS).flatmap(changed), st.binary(max_size=20))
def test_a_frame_with_one_field_changed_is_a_frame_or_refused_and_results_keep_their_bounds(
        header: dict[str, Any], body: bytes) -> None:
    reader, run = FrameReader(), Run(LIMITS)
    text = json.dumps(header).encode()
    reader.feed(struct.pack(">II", len(text), len(body)) + text + body)
    try:
        received = reader.next()
        assert received is not None and received.body == body
        if isinstance(received.frame, Facts):
            read_isolation(received.frame.facts, KIND)
    except SandboxLostError:
        return
    if run.take(received):
        result = run.result("docker")
        assert (result.status == "ok") == (result.exit_code == 0)
        assert (result.status == "ok" or result.error) and "\n" not in result.error and len(result.error) <= 2000


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 40))
def test_frames_are_read_however_they_are_cut(bodies: list[bytes], step: int) -> None:
    data = b"".join(pack({"type": "output", "stream": "stdout"}, body) for body in bodies)
    reader, read = FrameReader(), list[bytes]()
    for at in range(0, len(data), step):
        reader.feed(data[at:at + step])
        while (received := reader.next()) is not None:
            read.append(received.body)
    assert read == bodies and reader.unread_bytes == 0


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=30)), max_size=8), st.integers(1, 40))
def test_streams_are_told_apart_however_they_are_cut(pieces: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(struct.pack(">BxxxI", stream, len(piece)) + piece for stream, piece in pieces)
    errors, output = HeadTail(10_000), b""
    demux = Demux(errors)
    for at in range(0, len(data), step):
        output += demux.feed(data[at:at + step])
    assert output == b"".join(piece for stream, piece in pieces if stream == 1)
    complaint = b"".join(piece for stream, piece in pieces if stream == 2)
    assert errors.text() == complaint.decode("utf-8", "backslashreplace")


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=8))
def test_whatever_an_engine_sends_is_taken_and_never_grows(pieces: list[bytes]) -> None:
    errors = HeadTail(100)
    demux = Demux(errors)
    output = b"".join(demux.feed(piece) for piece in pieces)
    assert len(output) + errors.total_bytes <= sum(map(len, pieces))


PATHS = st.one_of(st.text(), st.text(alphabet="ab./\0\udcff"), st.lists(st.sampled_from(["a", "b", "..", "é"])).map(
    "/".join), st.sampled_from(["n" * 255, "n" * 256, "é" * 128, "/".join("a" * 32), "/".join("a" * 33)]))
SIZES = [bytes(size) for size in (0, 1, FILE_BYTES, FILE_BYTES + 1)]


@CASES
@given(st.lists(st.tuples(PATHS, st.sampled_from(SIZES)), max_size=6))
def test_what_may_be_put_has_room_and_a_path_that_the_worker_takes(puts: list[tuple[str, bytes]]) -> None:
    inputs: dict[str, bytes] = {}
    for path, data in puts:
        try:
            check_input(path, data, inputs)
        except SandboxFileError:
            continue
        inputs[path] = data
        split(path)
    assert sum(map(len, inputs.values())) <= ALL_BYTES and all(len(data) <= FILE_BYTES for data in inputs.values())
    assert not any(path.startswith(f"{other}/") for path in inputs for other in inputs)


@CASES
@given(PATHS)
def test_a_path_that_the_worker_takes_may_be_put(path: str) -> None:
    try:
        split(path)
    except FileError:
        with pytest.raises(SandboxFileError):
            check_input(path, b"", {})
    else:
        check_input(path, b"", {})


def test_walls_that_are_there_are_found_to_hold() -> None:
    isolation = read_isolation(FACTS, KIND)
    assert isolation.missing == ()
    isolation.require()


@pytest.mark.parametrize(("change", "wall"), [
    ({"interfaces": ["eth0", "lo"]}, "network"), ({"user": 0}, "user"), ({"capabilities": 1}, "capabilities"),
    ({"no_new_privileges": False}, "no new privileges"), ({"seccomp": "0"}, "seccomp"),
    ({"refused": {"ptrace": ""}}, "refuses ptrace"), ({"read_only_root": False}, "read-only root"),
    ({"folders": {"/box": {**SCRATCH, "executable": True}}}, "/box"),
    ({"folders": {"/box": {**SCRATCH, "bytes": 2 * KIND.disk_bytes}}}, "/box"),
    ({"folders": {"/box": {**SCRATCH, "bytes": 0}}}, "/box"),
    ({"limits": {**FACTS["limits"], "memory_bytes": "max"}}, "memory"),
    ({"limits": {**FACTS["limits"], "memory_bytes": str(2 * KIND.memory_bytes)}}, "memory"),
    ({"limits": {**FACTS["limits"], "swap_bytes": "max"}}, "swap"), ({"limits": {}}, "processes"),
    ({"limits": {**FACTS["limits"], "pids": "65"}}, "processes"), ({"cpus": None}, "processors"),
    ({"cpus": 2.0}, "processors"),
])
def test_a_wall_that_is_lower_than_asked_for_is_named(change: dict[str, Any], wall: str) -> None:
    isolation = read_isolation({**FACTS, **change}, KIND)
    assert wall in [each.name for each in isolation.missing]


@pytest.mark.parametrize("change", [
    {"user": 10**5000}, {"user": "0"}, {"cpus": float("nan")}, {"cpus": -1.0}, {"limits": {"memory_bytes": "9" * 5000}},
    {"folders": {"/box": {**SCRATCH, "bytes": 10**5000}}}, {"capabilities": None}, {"interfaces": "lo"},
])
def test_what_no_kernel_says_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SandboxLostError, match="does not say what keeps it in"):
        read_isolation({**FACTS, **change}, KIND)
