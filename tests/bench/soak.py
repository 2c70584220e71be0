"""What many programs leave behind: `python -m tests.bench.soak [--image NAME] [--executions N] [--json]`.

Mixed programs, every tenth of them hostile, run one after the other in one box, in which each of them has run once.
What process 1 of the box holds is read from outside, before and after: this needs root, and the engine on this machine.
Then a program prints 1 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentfix import ExecResult, Session, load_settings
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.engine import Engine, open_engine
from agentfix.sandbox.docker.owners import this_owner
from tests.bench.sandbox.targets import Target, show
from tests.sandbox.hostile import FAMILIES
from tests.sandbox.hostile.program import LIMITS

EXECUTIONS = 1500
MB = 2**20


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and how it must end: status, and value where it matters."""

    code: str
    statuses: tuple[str, ...] = ("ok",)
    value: str | None = None
    timeout_s: float = LIMITS.timeout_s

    def ended_well(self, result: ExecResult) -> bool:
        return result.status in self.statuses and (self.value is None or result.value == self.value)


ORDINARY = (
    Program("answer = sum(number * number for number in range(1000))", value="332833500"),
    Program("import json\nanswer = json.dumps({'a': [1, 2]})", value='{"a": [1, 2]}'),
    Program("print('x' * 100_000)\nanswer = 'printed'", value="printed"),
    Program("raise ValueError('no')", ("error",)),
    Program("open('made', 'wb').write(bytes(1_000_000))\nanswer = open('given.txt').read()", value="given"),
    Program("import subprocess\nanswer = subprocess.run(['echo', 'hello'], capture_output=True, text=True).stdout",
            value="hello\n"),
    Program("import threading\nanswer = []\nthread = threading.Thread(target=answer.append, args=(1,))\n"
            "thread.start()\nthread.join()", value="[1]"),
    Program("import sys\nsys.exit(3)", ("error",)),
    Program("import os\npid = os.fork()\nif not pid: os._exit(7)\nanswer = os.waitstatus_to_exitcode(os.wait()[1])",
            value="7"),
)


HOSTILE = tuple(Program(each.code, tuple(each.docker.split("|")), timeout_s=each.timeout_s)
                for family in FAMILIES.values() for each in family)


def mixed() -> Iterator[Program]:
    """Without end: nine ordinary ones, then a hostile one."""
    ordinary, hostile = itertools.cycle(ORDINARY), itertools.cycle(HOSTILE)
    while True:
        yield from itertools.islice(ordinary, 9)
        yield next(hostile)


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of a box."""

    container: str
    processes: int
    resident_bytes: int
    """Of process 1."""
    descriptors: int


def look(engine: Engine) -> Held:
    """At the only box of this process."""
    [container] = [each.id for each in engine.containers() if each.owner == this_owner()]
    process = Path("/proc", str(engine.api.inspect_container(container)["State"]["Pid"]))
    return Held(container, len(engine.api.top(container)["Processes"]), _status(process, "VmRSS"),
                len(list((process / "fd").iterdir())))


def _status(process: Path, name: str) -> int:
    """A field of a process's status, in bytes."""
    lines = (process / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


async def run_all(session: Session, some: Iterable[Program]) -> list[str]:
    """Run programs. Returns those that ended otherwise than they must, and how."""
    wrong: list[str] = []
    for program in some:
        result = await session.exec(program.code, replace(LIMITS, timeout_s=program.timeout_s), want="answer")
        if not program.ended_well(result):
            wrong.append(f"{program.code!r}: {result.status} {result.value} {result.error}")
    return wrong


async def growth_bytes(session: Session) -> int:
    """By how much more memory than before this process holds at most while a program prints 1 GB."""
    here = Path("/proc/self")
    await session.exec("print('x' * 10_000_000)", LIMITS)
    (here / "clear_refs").write_text("5", encoding="ascii")  # the peak counts from now
    before = _status(here, "VmRSS")
    result = await session.exec("for _ in range(1000):\n    print('x' * 1_000_000)", LIMITS)
    assert result.status == "output_limit"
    return _status(here, "VmHWM") - before


async def measure(image: str, executions: int) -> dict[str, Any]:
    """All figures."""
    sandbox = DockerSandbox(image, preimports=(), max_boxes=1)
    session = await sandbox.open()
    try:
        await session.put("given.txt", b"given")
        wrong = await run_all(session, ORDINARY + HOSTILE)  # so that process 1 has had its largest answers
        with open_engine() as engine:
            before = await asyncio.to_thread(look, engine)
            wrong += await run_all(session, itertools.islice(mixed(), executions))
            after = await asyncio.to_thread(look, engine)
        return {"executions": executions, "of them not as they must be": len(wrong), "these": " ".join(wrong) or "-",
                "boxes": len({before.container, after.container}),
                "processes in the box": {"before": before.processes, "after": after.processes},
                "memory of process 1, MB": {"before": before.resident_bytes / MB, "after": after.resident_bytes / MB},
                "descriptors of process 1": {"before": before.descriptors, "after": after.descriptors},
                "host's memory for 1 GB of output, MB": await growth_bytes(session) / MB}
    finally:
        await session.aclose()
        await sandbox.aclose()


def targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures ought to be."""

    def more(name: str) -> float:
        return figures[name]["after"] - figures[name]["before"]

    return [
        Target("executions not as they must be", figures["of them not as they must be"], "at most", 0, ""),
        Target("boxes", figures["boxes"], "at most", 1, ""),
        Target("more processes in the box", more("processes in the box"), "at most", 0, ""),
        # Its allocator may keep the room of an answer with 8 MB of files.
        Target("more memory of process 1", more("memory of process 1, MB"), "at most", 8, "MB"),
        Target("more descriptors of process 1", more("descriptors of process 1"), "at most", 0, ""),
        Target("host's memory for 1 GB of output", figures["host's memory for 1 GB of output, MB"], "at most", 16,
               "MB"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", default=load_settings().sandbox_image)
    parser.add_argument("--executions", type=int, default=EXECUTIONS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    all_figures = {"load": os.getloadavg()[0], **asyncio.run(measure(arguments.image, arguments.executions))}
    show(all_figures, targets(all_figures), arguments.json)
