"""Let a program be judged by your own tests: passing them all is evidence of the strongest class, `contract`.

What fails is told to the model with its values, and it revises.

Run it with: python examples/03_own_tests.py
"""

from agentfix import Agent, Check, Task

TASK = Task(
    "Write a Python function `initials(name)` that returns the initials of a person's name in capitals, without dots.",
    kind="code",
    checks=(
        Check("assert initials('ada lovelace') == 'AL'"),
        Check("assert initials('  Grace  Brewster Hopper ') == 'GBH'", name="spaces"),
        Check("assert initials('') == ''", name="nobody"),
    ),
)


def main(agent: Agent) -> None:
    result = agent.run(TASK)
    for attempt, standing in zip(result.attempts, result.standings, strict=True):
        print(f"attempt {attempt.id} is {standing.state}: {standing.reason}")
    print("" if result.abstained else result.answer)


if __name__ == "__main__":
    with Agent() as agent:
        main(agent)
