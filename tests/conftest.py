"""Settings that hold for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("agentfix", deadline=None)  # how long an example takes says more of the machine than of us
settings.load_profile("agentfix")
