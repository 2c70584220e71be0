"""Whether workers that wait for a place in a cluster will ever have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentfix.errors import ConfigError

_GOES_ON = "Nothing that was finished is lost. The same command goes on from here."


def require_node(nodes: Sequence[Mapping[str, Any]], own: str) -> None:
    """See that the node lives over which this process speaks with the cluster.

    Args:
        nodes: as Ray lists them.
        own: the id of that node.

    Raises:
        ConfigError: it does not.
    """
    if not any(node["Alive"] for node in nodes if node["NodeID"] == own):
        raise ConfigError("Ray has died on this machine, and can start no workers any more.", _GOES_ON)


def why_unplaced(nodes: Sequence[Mapping[str, Any]], free: float) -> str:
    """Why workers have no place, each of which wants a core.

    Args:
        nodes: as Ray lists them.
        free: cores of the cluster that nothing uses.

    Returns:
        A sentence; empty where there are free cores, so that they are on their way.

    Raises:
        ConfigError: no node could ever have one.
    """
    cores = [node.get("Resources", {}).get("CPU", 0.0) for node in nodes if node["Alive"]]
    told = f"no worker could be placed: 1 CPU each is wanted, the cluster has {free:g} free"
    if max(cores, default=0.0) < 1:
        raise ConfigError(f"{told}, and {sum(cores):g} in all.", "Start a node with cores: ray start --num-cpus N")
    return told if free < 1 else ""
