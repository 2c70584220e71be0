"""Add a critic and a kind of task of your own: a plugin is any object with the hooks.

This critic is an instrument: it measures the whole of what is asked, so its word is evidence of class `measurement`.
Run it with: python examples/04_own_critic.py
"""

import re
from collections.abc import Sequence

from agentfix_plugins.kinds.text import TextKind

from agentfix import Agent, Attempt, CriticContext, Critique, Evidence, EvidenceClass, Task, hookimpl, load_settings
from agentfix.plugins import Plugins

QUESTION = "Write one sentence of at least five words in which every word begins with the letter s."


class Alliteration:
    name = "alliteration"
    async def review(self, task: Task, attempts: Sequence[Attempt], context: CriticContext) -> list[Critique]:
        return [self.judge(attempt) for attempt in attempts]

    def judge(self, attempt: Attempt) -> Critique:
        words = re.findall(r"[\w']+", attempt.answer or "")
        others = [word for word in words if not word.lower().startswith("s")]
        fault = f"these do not begin with s: {others}" if others else "too few words" if len(words) < 5 else ""
        seen = Evidence(EvidenceClass.MEASUREMENT, "refutes" if fault else "supports",
                        fault or f"all {len(words)} words begin with s", self.name, "instrument")
        return Critique(attempt.id, self.name, "revise" if fault else "accept", fault, (seen,))


class Sentence(TextKind):
    name = "s-sentence"
    critics = ("alliteration",)
    def matches(self, task: Task) -> bool:
        return "every word begins with the letter s" in task.question


class Plugin:
    @hookimpl
    def agentfix_register_critics(self, register) -> None:
        register("alliteration", lambda build: Alliteration())

    @hookimpl
    def agentfix_register_kinds(self, register) -> None:
        register("s-sentence", lambda build: Sentence())


def main(agent: Agent) -> None:
    result = agent.run(Task(QUESTION, kind="s-sentence"))
    for critique in result.critiques:
        print(f"attempt {critique.attempt}: {critique.verdict}. {'; '.join(e.summary for e in critique.evidence)}")
    print(result.answer)


if __name__ == "__main__":
    settings = load_settings()
    with Agent(settings, Plugins(settings, extra={"alliteration": Plugin()})) as agent:
        main(agent)
