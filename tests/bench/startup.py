"""Prints how long `agentfix --help` takes beyond an empty Python: medians of 20, in milliseconds.

    python -m tests.bench.startup
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

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


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):  # by turns, so that both meet the same machine
        for name, command in COMMANDS.items():
            taken[name].append(milliseconds(command))
    empty, helped = (statistics.median(times) for times in taken.values())
    for name, median in zip(COMMANDS, (empty, helped), strict=True):
        sys.stdout.write(f"{name:16} {median:7.1f} ms\n")
    sys.stdout.write(f"{'difference':16} {helped - empty:7.1f} ms\n")


if __name__ == "__main__":
    main()
