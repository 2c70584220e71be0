"""Stories: runs of the default model, recorded once and told again by the test suite without it.

`python -m tests.stories [NAME ...]` records them anew (minutes each, the default model is fetched when it is not there)
into tests/recordings/.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from agentfix import Agent, Check, Settings, Task

FOLDER = Path(__file__).parent / "recordings"


@dataclass(frozen=True)
class Story:
    """What is asked, and how."""

    name: str
    task: Task
    strategy: str = "critic"

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.jsonl"


STORIES = (
    Story("shirt", Task(
        "A shirt costs 40 euros. Its price is raised by 25 percent and later cut by 20 percent. Then Tom buys 3 of "
        "them and pays with two 100-euro notes. How many euros does he get back?", "math")),
    Story("ranges", Task(
        "Write a function `ranges(numbers)` that takes a list of integers and returns a string of the sorted distinct "
        "numbers in which runs of three or more consecutive numbers are written as first-last, joined by commas. For "
        "example ranges([1, 2, 3, 5, 7, 8]) is '1-3,5,7,8'.", "code", (
            Check("assert ranges([1, 2, 3, 5, 7, 8]) == '1-3,5,7,8'"), Check("assert ranges([]) == ''"),
            Check("assert ranges([4, 4, 3, 5]) == '3-5'"), Check("assert ranges([-2, -1, 0, 9]) == '-2-0,9'")))),
    Story("second-largest", Task(
        "Write a function `second_largest(numbers)` that returns the second largest distinct number of a list, or None "
        "when there is none.", "code", (
            Check("assert second_largest([3, 1, 2]) == 2"), Check("assert second_largest([5, 5]) is None"),
            Check("assert second_largest([]) is None"), Check("assert second_largest([-1, -2, -2]) == -2")))),
)


async def record(names: list[str]) -> None:
    """Run stories and write down what was said."""
    for story in STORIES:
        if names and story.name not in names:
            continue
        story.file.unlink(missing_ok=True)
        settings = Settings(strategy=story.strategy, sandbox="embedded", journal="memory", record=story.file)
        async with Agent(settings) as agent:
            result = await agent.arun(story.task)
        sys.stdout.write(f"{story.name}: {len(result.attempts)} attempts, {result.reason}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(record(sys.argv[1:]))
