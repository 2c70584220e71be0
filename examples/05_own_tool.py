"""Give the model a tool of your own. This file is a whole plugin too, which need not be installed:

agentfix run --plugin examples/05_own_tool.py --tool word_count "How many words has 'We left the harbour at dawn'?"
"""

from agentfix import Agent, Task, hookimpl, load_settings, tool

QUESTION = "How many words has the sentence 'We left the harbour at dawn'?"


@tool(deterministic=True)
def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@hookimpl
def agentfix_register_tools(register) -> None:
    register(word_count)


def main(agent: Agent) -> None:
    result = agent.run(Task(QUESTION, kind="tools"))
    for attempt in result.attempts:
        for step in attempt.steps:
            for call, observation in zip(step.calls, step.observations, strict=True):
                print(f"{call.tool}{dict(call.arguments)} says {observation.text}")
    print(result.answer)


if __name__ == "__main__":
    with Agent(load_settings({"tools": ("word_count",), "plugins": (__file__,)})) as agent:
        main(agent)
