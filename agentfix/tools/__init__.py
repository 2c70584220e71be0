"""Tools: how they are made of functions, what they may do, and how they are run."""

from agentfix.tools.function import FunctionTool, tool

__all__ = ["FunctionTool", "tool"]
