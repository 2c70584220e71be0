"""Fourteen plugins, each broken in its own way: `agentfix plugins check` and runs must name what is wrong."""
