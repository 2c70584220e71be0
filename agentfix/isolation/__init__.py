"""Tools in worker processes of their own: what they break, hold or eat is theirs, and a kill ends it."""

from agentfix.isolation.tool import IsolatedTool

__all__ = ["IsolatedTool"]
