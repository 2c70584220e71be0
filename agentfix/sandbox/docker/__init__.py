"""The docker sandbox: full CPython in hardened containers that are kept ready."""

from agentfix.sandbox.docker.sandbox import DockerSandbox, DockerSession

__all__ = ["DockerSandbox", "DockerSession"]
