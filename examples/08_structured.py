"""Get an object instead of a text: the answer is held to a type, and a function of yours says what is right.

Run it with: python examples/08_structured.py
"""

from pydantic import BaseModel, Field

from agentfix import Agent, Output

NOTE = "Two loaves at 3.20 each and a jar of honey at 6.50, thanks! Ada"


class Item(BaseModel):
    what: str
    count: int = Field(ge=1)
    cents_each: int


class Order(BaseModel):
    customer: str
    items: list[Item]
    total_cents: int


def adds_up(order: Order) -> None:
    """An order that adds up is right: whoever says so answers for it."""
    total = sum(item.count * item.cents_each for item in order.items)
    assert total == order.total_cents, f"the items cost {total} cents together, not {order.total_cents}"


def main(agent: Agent) -> None:
    result = agent.run(f"What is ordered here, and what does it cost?\n\n{NOTE}", output=Output(Order, adds_up))
    print(result.output)
    print("nothing supports it" if result.abstained else f"{result.supported_by}: {result.reason}")


if __name__ == "__main__":
    with Agent() as agent:
        main(agent)
