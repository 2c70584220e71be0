"""Add a strategy of your own: a function of the attempts so far that says what comes next. This file is a plugin.

It answers until so many attempts agree (`first-to:3`). It needs no state: all that happened is in the tree, so a run
that was cut off goes on by itself.

Run it with: python examples/13_own_strategy.py
or: agentfix run --plugin examples/13_own_strategy.py --strategy first-to:3 "What is 17 times 23?"
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agentfix import Agent, Build, Expand, Move, Remaining, Stop, Tree, hookimpl, load_settings

QUESTION = "A box holds 12 pens. How many pens are in 7 boxes?"


class FirstTo:
    name = "first-to"

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted

    def decide(self, tree: Tree, budget: Remaining, memory: Mapping[str, Any], seed: int) -> list[Move]:
        if not tree.attempts:
            return [Expand()]  # the first attempt is the likeliest one, as in every strategy
        group, votes = Counter(tree.groups).most_common(1)[0]
        if votes >= self.wanted:
            return [Stop(f"{votes} attempts agree", tree.groups.index(group))]
        return [Expand(temperature=0.7)]


@hookimpl
def agentfix_register_strategies(register) -> None:
    register("first-to", first_to, "Answers until N attempts agree: first-to:3.")


def first_to(build: Build) -> FirstTo:
    return FirstTo(int(build.argument or 2))


def main(agent: Agent) -> None:
    result = agent.run(QUESTION)
    print(f"{result.answer} after {len(result.attempts)} attempts: {result.stop_reason}")


if __name__ == "__main__":
    with Agent(load_settings({"strategy": "first-to:3", "plugins": (__file__,)})) as agent:
        main(agent)
