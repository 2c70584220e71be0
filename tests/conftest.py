"""Settings that hold for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of the machine than of us. And the same examples are tried everywhere, so that a
# change that fails on another machine fails on this one.
settings.register_profile("agentfix", deadline=None, derandomize=True)
settings.load_profile("agentfix")
