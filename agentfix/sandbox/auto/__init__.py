"""The automatic sandbox: embedded first, docker for programs that need what it lacks."""

from agentfix.sandbox.auto.sandbox import AutoSandbox

__all__ = ["AutoSandbox"]
