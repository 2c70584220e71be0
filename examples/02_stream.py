"""Watch a run while it goes on: each thing that happens is an event, and the last one is the result.

Run it with: python examples/02_stream.py
"""

import asyncio

from agentfix import Agent, Attempt, Critique, Delta, Event, Observation, Result

QUESTION = "A train leaves at 9:40 and arrives at 13:05. How many minutes does it travel?"


async def main(agent: Agent) -> None:
    async for event in agent.astream(QUESTION):
        show(event)


def show(event: Event) -> None:
    match event.data.get(event.kind):
        case Delta(text):
            print(text, end="", flush=True)
        case Observation() as seen:
            print(f"[{seen.tool}: {seen.status}] {seen.text}")
        case Attempt() as attempt:
            print(f"\n[attempt {attempt.id}] answers {attempt.answer}")
        case Critique() as critique:
            print(f"[critique by {critique.critic}] {critique.verdict} {critique.feedback}")
        case Result() as result:
            print(f"[result] {result.answer}: {result.reason}")
        case _:
            print(f"[{event.kind}]")


async def run() -> None:
    async with Agent() as agent:
        await main(agent)


if __name__ == "__main__":
    asyncio.run(run())
