"""Evaluate an agent with Inspect: it gives the samples and scores the answers, the agent answers.

The log has what supports each answer: look at it with `inspect view`.

Run it with: pip install 'agentfix[inspect]' && python examples/07_inspect.py
"""

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match

from agentfix import Agent
from agentfix.bridges.inspect import agentfix_solver

SAMPLES = [
    Sample("A bakery sells rolls at 0.35 and loaves at 2.40. How much do 8 rolls and 3 loaves cost?", target="10"),
    Sample("A tank holds 540 litres and loses 12 litres an hour. How many hours does it take to empty?", target="45"),
]


def main(agent: Agent) -> None:
    task = Task(SAMPLES, solver=agentfix_solver(agent), scorer=match(numeric=True))
    (log,) = eval(task, model="none", display="none")  # the agent has a model of its own
    for sample in log.samples or []:
        said = sample.output.metadata or {}
        print(f"{sample.output.completion} (target {sample.target}): {said.get('supported_by')}, {said.get('reason')}")
    if log.results:
        print("accuracy:", log.results.scores[0].metrics["accuracy"].value)


if __name__ == "__main__":
    with Agent() as agent:
        main(agent)
