"""Two models bargain, and a critic's advice makes one of them better at it from game to game (Fu et al., "Improving
Language Model Negotiation with Self-Play and In-Context Learning from AI Feedback", 2023).

No model says what a game came to: a deal is a price that both named, one after the other, and code reads it. The critic
sees the games so far and their prices, and what it advises stands in the buyer's prompt in the next game.

Run it with: python examples/16_negotiation.py
"""

import asyncio
import json
from collections.abc import Sequence

from agentfix import Agent, Message, Model, ModelRequest, Sampling

GAMES, TURNS = 3, 8
COST, ASKED = 8, 20
"""What a balloon costs the seller, and what it is offered for."""
BUYER = "You buy a balloon and want to pay little: $10 would be fair. Say one sentence, and what you offer."
SELLER = f"You sell a balloon that cost you ${COST}, and want much for it. Say one sentence, and what you ask for."
ADVICE = "You coach the buyer. Give three short pieces of advice by which the next price will be lower."
TURN = {"type": "object", "additionalProperties": False, "required": ["say", "dollars"], "properties": {
    "say": {"type": "string", "maxLength": 160}, "dollars": {"type": "integer", "minimum": 1, "maximum": 40}}}


async def ask(model: Model, system: str, said: str, schema: dict | None = None, seed: int = 0) -> str:
    messages = (Message("system", system), Message("user", said))
    sampling = Sampling(temperature=0.7, seed=seed, max_tokens=120)
    [reply] = await model.generate(ModelRequest(messages, sampling, schema=schema))
    return reply.text


async def game(model: Model, advice: str, seed: int) -> tuple[list[str], int | None]:
    """What was said, and the price; None when they came to none."""
    said, before = [f"Seller: This fine balloon is ${ASKED}."], ASKED
    for turn in range(TURNS):
        name, role = (("Buyer", f"{BUYER}\n{advice}"), ("Seller", SELLER))[turn % 2]
        told = "\n".join([*said, "", f"{name}, it is your turn."])
        reply = json.loads(await ask(model, role, told, TURN, seed * TURNS + turn))
        said.append(f"{name}: {reply['say']} (${reply['dollars']})")
        if reply["dollars"] == before:
            return said, before
        before = reply["dollars"]
    return said, None


async def main(agent: Agent) -> Sequence[int | None]:
    model, advice, seen, prices = agent.model(agent.settings.model), "", "", []
    for number in range(GAMES):
        said, price = await game(model, advice, number)
        print(f"game {number}:", *said, sep="\n  ")
        print(f"  {'no deal' if price is None else f'sold for ${price}'}")
        prices.append(price)
        seen += f"\n\nGame {number}, price {price}:\n" + "\n".join(said)
        if number + 1 < GAMES:
            advice = f"Advice from a coach: {await ask(model, ADVICE, seen.strip())}"
    return prices


async def script() -> None:
    async with Agent() as agent:
        print("prices:", *await main(agent))


if __name__ == "__main__":
    asyncio.run(script())
