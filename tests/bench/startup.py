"""Prints how long starting takes, medians of 20 in milliseconds: `agentfix --help` beyond an empty Python, and
`agentfix repl` until its first prompt stands on a terminal.

    python -m tests.bench.startup
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

import pexpect

RUNS = 20
SCRIPT = "import sys; from agentfix.cli.main import main; sys.exit(main())"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "agentfix --help": [sys.executable, "-c", SCRIPT, "--help"],
}


def milliseconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - began)


def first_prompt(folder: str) -> float:
    began = time.perf_counter()
    terminal = pexpect.spawn(sys.executable, ["-c", SCRIPT, "repl"], cwd=folder, timeout=60,
                             env={**os.environ, "AGENTFIX_DATA_DIR": folder})
    terminal.expect("> ")
    taken = 1000 * (time.perf_counter() - began)
    terminal.close(force=True)
    return taken


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    prompts: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):  # by turns, so that all meet the same machine
            for name, command in COMMANDS.items():
                taken[name].append(milliseconds(command))
            prompts.append(first_prompt(folder))
    empty, helped = (statistics.median(times) for times in taken.values())
    for name, median in zip(COMMANDS, (empty, helped), strict=True):
        sys.stdout.write(f"{name:16} {median:7.1f} ms\n")
    sys.stdout.write(f"{'difference':16} {helped - empty:7.1f} ms\n")
    sys.stdout.write(f"{'first prompt':16} {statistics.median(prompts):7.1f} ms (slowest {max(prompts):.0f})\n")


if __name__ == "__main__":
    main()
