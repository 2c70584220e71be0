"""Watch a run while it goes on: each thing that happens is an event, and the last one is the result.

Run it with: python examples/02_stream.py
"""

import asyncio

from agentfix import Agent, Attempt, Critique, Delta, Event, Observation, Result

QUESTION = "A box holds 12 pens. How many pens are in 7 boxes?"


async def main(agent: Agent) -> None:
    attempts = 0
    async for event in agent.astream(QUESTION):
        show(event, attempts)
        attempts += event.kind == "attempt"


def show(event: Event, attempts: int) -> None:
    match event.data.get(event.kind):
        case Delta(text):
            if event.data["attempt"] == attempts:  # of several that are written at once, the first
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
