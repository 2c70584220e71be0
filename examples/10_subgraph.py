"""Put checked answers into a LangGraph application of your own: the whole agent is one node of it.

The nodes share the keys `question`, `answer` and `result`; what supports the answer decides where the graph goes next.

Run it with: python examples/10_subgraph.py
"""

import asyncio
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from agentfix import Agent


class State(TypedDict, total=False):
    letter: str
    question: str
    answer: str
    result: dict[str, Any]
    reply: str


def read(state: State) -> State:
    return {"question": state["letter"].removeprefix("Dear shop, ")}


def send(state: State) -> State:
    return {"reply": f"The answer is {state['answer']}."}


def hand_over(state: State) -> State:
    return {"reply": f"A colleague will look at this ({state['result']['reason']})."}


def application(agent: Agent) -> Any:
    graph = StateGraph(State)
    graph.add_node("read", read)
    graph.add_node("answer it", agent.graph.compile())
    graph.add_node("send", send)
    graph.add_node("hand over", hand_over)
    graph.add_edge(START, "read")
    graph.add_edge("read", "answer it")
    graph.add_conditional_edges("answer it", lambda state: "hand over" if state["result"]["abstained"] else "send",
                                ["hand over", "send"])
    graph.add_edge("send", END)
    graph.add_edge("hand over", END)
    return graph.compile()


async def main(agent: Agent) -> None:
    letter = "Dear shop, a box of 12 pens costs 3.60 euros. How many euros do 7 boxes cost?"
    print((await application(agent).ainvoke({"letter": letter}))["reply"])


async def script() -> None:
    async with Agent() as agent:
        await main(agent)


if __name__ == "__main__":
    asyncio.run(script())
