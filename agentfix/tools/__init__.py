"""Tools: how they are made of functions, what they may do, and how they are run."""

from agentfix.tools.approving import Approve, require_askable
from agentfix.tools.controls import defused
from agentfix.tools.fence import fence
from agentfix.tools.function import FunctionTool, tool
from agentfix.tools.guard import off as off_guard
from agentfix.tools.instructions import instructions_in
from agentfix.tools.observed import head_and_tail
from agentfix.tools.policy import NO_RULE, allowing, needs_person, read_policy
from agentfix.tools.runner import ToolRunner

__all__ = ["NO_RULE", "Approve", "FunctionTool", "ToolRunner", "allowing", "defused", "fence", "head_and_tail",
           "instructions_in", "needs_person", "off_guard", "read_policy", "require_askable", "tool"]
