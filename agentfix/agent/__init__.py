"""The agent: settings in, a Result or a stream of Events out. The one room that wires parts together."""

from agentfix.agent.agent import Agent
from agentfix.agent.exporting import export_runs
from agentfix.agent.structured import Output, StructuredResult

__all__ = ["Agent", "Output", "StructuredResult", "export_runs"]
