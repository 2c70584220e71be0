"""Feeds the host's side of the wire with what a box might say, guided by what code that reaches.

    pip install atheris
    python -m tests.sandbox.fuzz_frames CORPUS -max_total_time=300 -rss_limit_mb=1024

CORPUS is a folder for what was found to reach new code; it may be empty at first. Whatever comes is a frame or refused
with a SandboxLostError, and what is made of it stays within its bounds: all else ends the fuzzing with the input.
The parts of an input are divided by two bytes 0xff. The first byte of a part chooses the engine's stream, and whether
the rest is a frame, whose header ends with the first zero byte, or goes over the wire as it is.
"""

from __future__ import annotations

import json
import struct
import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["agentfix.sandbox"]):
    from agentfix.errors import SandboxLostError
    from agentfix.protocols import Limits
    from agentfix.sandbox.docker.demux import Demux
    from agentfix.sandbox.docker.frames import Facts, Files, FrameReader
    from agentfix.sandbox.docker.isolation import read_isolation
    from agentfix.sandbox.docker.kinds import BoxKind
    from agentfix.sandbox.docker.outcome import Run
    from agentfix.sandbox.output import HeadTail

LIMITS = Limits(output_bytes=1000)
KIND = BoxKind.of("sha256:0", LIMITS, (), "")
DONE = {"type": "done", "state": "fresh", "stopped_for": "", "exit_code": 0, "signal": None, "oom_kills": 0,
        "seconds": 0.5, "cpu_seconds": 0.5, "peak_memory_bytes": 1, "clean": True,
        "report": '{"value": "1", "error": "", "line": 1, "cut": false, "memory": true}'}
FACTS = {"python": "3", "kernel": "gVisor", "user": 65534, "user_map": "0 0 1", "capabilities": 0,
         "no_new_privileges": True, "seccomp": "2", "interfaces": ["lo"], "read_only_root": True,
         "folders": {"/box": {"bytes": 1, "inodes": 1, "executable": False}, "/tmp": None},
         "limits": {"memory_bytes": "1", "swap_bytes": "", "pids": "1"}, "cpus": 1.0, "open_files": 1,
         "refused": {"ptrace": "EPERM"}}
HEADERS = [{"type": "hello", "protocol": 2, "imported": ["numpy"]}, {"type": "pong"},
           {"type": "output", "stream": "stdout"}, {"type": "output", "stream": "stderr"},
           {"type": "artefact", "path": "a/b", "size_bytes": 3, "whole": True}, DONE, {**DONE, "signal": 9},
           {"type": "facts", "facts": FACTS}, {"type": "put"}, {"type": "file"},
           {"type": "files", "files": [["a", 1]]}, {"type": "file_error", "error": "x"},
           {"type": "failed", "error": "x"}]


def stream_of(data: bytes) -> bytes:
    """The bytes that an engine would send."""
    stream = bytearray()
    for part in data.split(b"\xff\xff"):
        how, (header, _, body) = part[0] if part else 0, part[1:].partition(b"\0")
        said = part[1:] if how & 4 else struct.pack(">II", len(header), len(body)) + header + body
        stream += struct.pack(">BxxxI", how & 3, len(said)) + said
    return bytes(stream)


def listen(data: bytes) -> None:
    """Take an input as a link and a box do."""
    complaint = HeadTail(2000)
    demux, frames, run = Demux(complaint), FrameReader(), Run(LIMITS, lambda stream, text: None)
    step = 1 + (data[0] if data else 0)
    stream = stream_of(data[1:])
    for at in range(0, len(stream), step):
        frames.feed(demux.feed(stream[at:at + step]))
        while (received := frames.next()) is not None:
            if isinstance(received.frame, Files):
                sorted(received.frame.files)
            if isinstance(received.frame, Facts):
                read_isolation(received.frame.facts, KIND)
            if run.take(received):
                check(run)
                run = Run(LIMITS, lambda stream, text: None)
    assert len(complaint.text()) <= 4 * 2000 + 100


def check(run: Run) -> None:
    """A result is one that the contract allows."""
    result = run.result("docker")
    assert "\n" not in result.error and len(result.error) <= 2000
    assert (result.status == "ok") == (result.exit_code == 0) and (result.status == "ok" or result.error)
    assert result.value is None or result.status == "ok"
    assert len(result.stdout) + len(result.stderr) <= 8 * LIMITS.output_bytes + 200


def once(data: bytes) -> None:
    """One input."""
    with suppress(SandboxLostError):
        listen(data)


def main() -> None:
    corpus = next((Path(each) for each in sys.argv[1:] if not each.startswith("-")), None)
    if corpus is None:
        sys.exit(__doc__)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, header in enumerate(HEADERS):
        (corpus / f"header-{number}").write_bytes(b"\x20\1" + json.dumps(header).encode() + b"\0abc")
    ending = b"\xff\xff\1".join(json.dumps(header).encode() + b"\0abc" for header in HEADERS)
    (corpus / "all").write_bytes(b"\x07\1" + ending)
    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
