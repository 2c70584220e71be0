"""Answer a file of questions, eight at a time, for at most a hundred thousand tokens, and go on where it was cut off.

Each line of the input has a question and its tests. A run is named after its line, so a second start of the job takes
from the journal what the first one was told, and asks only what is left. A line that fails does not end the job.

Run it with: python examples/12_batch.py questions.jsonl > answers.jsonl
"""

import asyncio
import json
import sys
from pathlib import Path

from agentfix import Agent, AgentFixError, Check, Pool, Task

AT_ONCE = 8


def tasks_in(questions: Path) -> list[Task]:
    lines = map(json.loads, questions.read_text(encoding="utf-8").splitlines())
    return [Task(line["question"], checks=tuple(map(Check, line["tests"]))) for line in lines]


async def main(agent: Agent, name: str, tasks: list[Task]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def answered(number: int) -> dict[str, object]:
        async with slots:
            try:
                result = await agent.arun(tasks[number], run_id=f"{name}-{number}")
            except AgentFixError as error:
                return {"line": number, "error": str(error)}
        return {"line": number, "answer": result.answer, "supported_by": str(result.supported_by),
                "stopped": result.stop_reason}

    for done in asyncio.as_completed([answered(number) for number in range(len(tasks))]):
        print(json.dumps(await done), flush=True)


async def script(name: str, tasks: list[Task]) -> None:
    async with Agent(pool=Pool(max_tokens=100_000)) as agent:
        await main(agent, name, tasks)


if __name__ == "__main__":
    asyncio.run(script(Path(sys.argv[1]).stem, tasks_in(Path(sys.argv[1]))))
