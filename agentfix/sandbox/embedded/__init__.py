"""The embedded sandbox: Monty, a Python interpreter of its own in a worker process."""

from agentfix.sandbox.embedded.sandbox import EmbeddedSandbox, EmbeddedSession

__all__ = ["EmbeddedSandbox", "EmbeddedSession"]
