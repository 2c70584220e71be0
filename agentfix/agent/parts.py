"""The parts of an agent, made by name when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agentfix.models.replay import ReplayModel, ReplaySession, ReplayTool
from agentfix.plugins import Plugins
from agentfix.protocols import Critic, Model, Sandbox, Session, Strategy, TaskKind, Tool
from agentfix.recording import Recording
from agentfix.settings import Settings, split_model
from agentfix.types import Task

ACTING = "tools"
"""The kind of a task for which tools are named."""


class Parts:
    """Makes parts from plugins and keeps the models.

    Args:
        settings: for what no run says otherwise.
        plugins: where parts come from.

    Raises:
        UnknownNameError: the settings name a part that there is not.
    """

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self._plugins = plugins
        self._models: dict[str, Model] = {}
        self._sandboxes: dict[str, Sandbox] = {}
        self.require(settings)

    def require(self, settings: Settings) -> None:
        """Raise UnknownNameError for a misspelt name: at once, not after a model was fetched and loaded."""
        for model in (settings.model, settings.critic_model or settings.model):
            self._plugins.find("model", split_model(model)[0])
        self._plugins.find("strategy", settings.strategy.partition(":")[0])
        self._plugins.find("sandbox", settings.sandbox)
        if settings.kind != "auto":
            self._plugins.find("kind", settings.kind.partition(":")[0])
        for critic in settings.critics:
            self._plugins.find("critic", critic)
        for tool in settings.tools:
            self._plugins.find("tool", tool)

    def kind(self, task: Task, settings: Settings, chosen: Callable[[str, str], None]) -> TaskKind:
        """The kind of a task: as told (`name` or `name:argument`), or found out, of which `chosen` is told."""
        wanted = task.kind if task.kind != "auto" else settings.kind
        if wanted != "auto":
            name, _, argument = wanted.partition(":")
            return self._plugins.build("kind", name, argument)
        if settings.tools:
            chosen(ACTING, "tools were named for it")
            return self._plugins.build("kind", ACTING)
        kinds: list[TaskKind] = [self._plugins.build("kind", entry.name) for entry in self._plugins.names("kind")
                                 if entry.name != "text"]
        found = next((kind for kind in kinds if kind.matches(task)), None) or self._plugins.build("kind", "text")
        chosen(found.name, "the question looks like it")
        return found

    def strategy(self, spec: str) -> Strategy:
        """`name` or `name:argument`."""
        name, _, argument = spec.partition(":")
        return self._plugins.build("strategy", name, argument)

    def model(self, spec: str) -> Model:
        """`backend:name`; a name alone is a local model's."""
        if spec not in self._models:
            self._models[spec] = self._plugins.build("model", *split_model(spec))
        return self._models[spec]

    def critics(self, names: tuple[str, ...]) -> Callable[[str], Critic]:
        """Makes critics by name, each once.

        Raises:
            UnknownNameError: one of the names is no critic's.
        """
        made: dict[str, Critic] = {}

        def critic(name: str) -> Critic:
            if name not in made:
                made[name] = self._plugins.build("critic", name)
            return made[name]

        for name in names:
            critic(name)
        return critic

    def tools(self, recording: Recording | None) -> Mapping[str, Tool]:
        """All tools by name; in a replay, what stands for them."""
        made: dict[str, Tool] = {entry.name: self._plugins.build("tool", entry.name)
                                 for entry in self._plugins.names("tool")}
        if recording is None:
            return made
        return {name: ReplayTool(tool.spec, recording) for name, tool in made.items()}

    async def session(self, settings: Settings, recording: Recording | None) -> Session:
        """An open sandbox.

        Raises:
            SandboxUnavailableError: it can't be had here.
        """
        if recording is not None:
            return ReplaySession()
        if settings.sandbox not in self._sandboxes:
            self._sandboxes[settings.sandbox] = self._plugins.build("sandbox", settings.sandbox)
        return await self._sandboxes[settings.sandbox].open()

    async def aclose(self) -> None:
        """Free models and sandboxes. May be called twice."""
        for part in (*self._models.values(), *self._sandboxes.values()):
            await part.aclose()
        self._models.clear()
        self._sandboxes.clear()


def recording_of_model(model: Model) -> Recording | None:
    """The recording a model speaks from; then tools must speak from it too."""
    return model.recording if isinstance(model, ReplayModel) else None


def usable(tools: Mapping[str, Tool], settings: Settings) -> tuple[str, ...]:
    """What an actor may use: the tools that the settings name, or else all that have no side effects."""
    return settings.tools or tuple(name for name, tool in tools.items() if not tool.spec.side_effects)
