"""Ask a question from your own program, and get the answer with what supports it.

Run it with: python examples/01_embed.py  (the first run fetches the default model, 1.1 GB)
"""

from agentfix import Agent


def main(agent: Agent) -> None:
    result = agent.run("A box holds 12 pens and costs 3.60. How much do 7 boxes cost?")
    print("answer:      ", result.answer)
    print("supported by:", "nothing" if result.supported_by is None else result.supported_by.label)
    print("because:     ", result.reason)


if __name__ == "__main__":
    with Agent() as agent:
        main(agent)
