"""The model backends: a plugin like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentfix.hookspecs import Build, Register, hookimpl


def _llamacpp(build: Build) -> Any:
    from agentfix.models.llamacpp.model import open_model  # noqa: PLC0415

    return open_model(build.argument, build.settings)


def _openai() -> Callable[[Build], Any]:
    """Makes models that share what is known of each endpoint: its load, and which of its addresses are well."""
    pools: dict[Any, Any] = {}

    def make(build: Build) -> Any:
        from agentfix.models.openai.opening import open_model  # noqa: PLC0415 - loads the SDK

        return open_model(build.argument, build.settings, pools)

    return make


def _replay(build: Build) -> Any:
    from agentfix.models.replay import open_replay  # noqa: PLC0415

    return open_replay(build.argument)


@hookimpl
def agentfix_register_models(register: Register) -> None:
    """Register the backends."""
    register("llamacpp", _llamacpp, "A GGUF model in this process: a catalogue name, OWNER/REPO:FILE.gguf or a path.")
    register("openai", _openai(), "A model behind an OpenAI-compatible endpoint: MODEL, MODEL@NAME or MODEL@URL.")
    register("replay", _replay, "What a recording holds (`--record FILE`): needs no model, network or Docker.")
