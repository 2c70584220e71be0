"""Puts scripted parts where an agent finds them: behind a plugin."""

from __future__ import annotations

from dataclasses import dataclass

from agentfix.hookspecs import Register, hookimpl
from agentfix.testing.model import ScriptedModel
from agentfix.testing.sandbox import ScriptedSandbox


@dataclass(frozen=True, slots=True)
class ScriptPlugin:
    """A plugin that registers the model scheme `scripted` and, with a sandbox, the sandbox `scripted`."""

    model: ScriptedModel
    sandbox: ScriptedSandbox | None = None

    @hookimpl
    def agentfix_register_models(self, register: Register) -> None:
        register("scripted", lambda build: self.model, "Says what a test tells it to say.")

    @hookimpl
    def agentfix_register_sandboxes(self, register: Register) -> None:
        if self.sandbox is not None:
            register("scripted", lambda build: self.sandbox, "Runs nothing.")


def script_plugin(model: ScriptedModel, sandbox: ScriptedSandbox | None = None) -> ScriptPlugin:
    """A plugin for `Plugins(settings, extra={"script": ...})`; then set `model="scripted:"`.

    Args:
        model: what `scripted:` stands for.
        sandbox: what the sandbox `scripted` stands for, if there is one.
    """
    return ScriptPlugin(model, sandbox)
