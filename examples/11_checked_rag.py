"""Check what another system answered: your retrieval and your model stay as they are, and nobody answers anew.

The answer is held against your documents; a quote that states it is evidence of class `retrieval`.

Run it with: python examples/11_checked_rag.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from agentfix import Agent, Task, load_settings

DOCUMENTS = {
    "mill.txt": "The mill at Harrow was built by Ada Lund in 1804. It burned down in 1911.",
    "bridge.txt": "The bridge at Harrow was built by Per Berg in 1851.",
}
QUESTION = "Who built the mill at Harrow?"


def your_rag(question: str) -> str:
    """What you have already."""
    return "Ada Lund"


def write(folder: Path) -> Path:
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def main(agent: Agent) -> None:
    answer = your_rag(QUESTION)
    result = agent.verify(Task(QUESTION, kind="qa"), answer)
    print(answer, "stands on nothing" if result.abstained else f"stands on {result.supported_by}")
    for critique in result.critiques:
        for evidence in critique.evidence:
            print(f"{evidence.polarity}: {evidence.summary}")


if __name__ == "__main__":
    with TemporaryDirectory() as folder, Agent(load_settings({"corpus": str(write(Path(folder)))})) as agent:
        main(agent)
