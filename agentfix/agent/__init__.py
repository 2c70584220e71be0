"""The agent: settings in, a Result or a stream of Events out. The one room that wires parts together."""

from agentfix.agent.agent import Agent
from agentfix.agent.exporting import export_runs
from agentfix.agent.opening import new_name

__all__ = ["Agent", "export_runs", "new_name"]
