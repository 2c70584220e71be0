"""The parts of an agent, made by name when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agentfix.agent.found import Notice, find
from agentfix.models.replay import ReplayModel, ReplaySession
from agentfix.plugins import Plugins
from agentfix.protocols import ActingKind, Critic, Model, Sandbox, Session, Strategy, TaskKind, Tool, Tools
from agentfix.recording import Recording
from agentfix.settings import Settings, split_model
from agentfix.types import Task


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
        self._holders: dict[str, Tools] = {}
        self.require(settings)

    def require(self, settings: Settings) -> None:
        """Raise UnknownNameError for a misspelt name: at once, not after a model was fetched and loaded."""
        for model in (settings.model, settings.critic_model or settings.model):
            self._plugins.find("model", split_model(model)[0])
        self._plugins.find("strategy", settings.strategy.partition(":")[0])
        self._plugins.find("sandbox", settings.sandbox)
        if settings.kind != "auto":
            self._plugins.find("kind", settings.kind)
        for critic in settings.critics:
            self._plugins.find("critic", critic)

    def kind(self, task: Task, settings: Settings, chosen: Callable[[str], None]) -> TaskKind:
        """The kind of a task: as told, or found out, of which `chosen` is told."""
        wanted = task.kind if task.kind != "auto" else settings.kind
        if wanted != "auto":
            return self._plugins.build("kind", wanted)
        kinds: list[TaskKind] = [self._plugins.build("kind", entry.name) for entry in self._plugins.names("kind")
                                 if entry.name != "text"]
        found = next((kind for kind in kinds if kind.matches(task)), None) or self._plugins.build("kind", "text")
        chosen(found.name)
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

    def tools(self) -> Mapping[str, Tool]:
        """All tools by name, but for those that are found by opening what holds them."""
        built = {entry.name: self._built(entry.name) for entry in self._plugins.names("tool")}
        return {name: part for name, part in built.items() if isinstance(part, Tool)}

    async def found(self, kind: TaskKind, taken: Mapping[str, Tool], notice: Notice) -> Mapping[str, Tool]:
        """Tools that are found by opening what holds them: none for a kind that does not act.

        Args:
            kind: of the run.
            taken: tools whose names are taken already.
            notice: told what can't be used.
        """
        if not isinstance(kind, ActingKind):
            return {}
        return await find(self._holders, taken, notice)

    def _built(self, name: str) -> Tool | None:
        """A tool; what holds several is made once and kept."""
        if name in self._holders:
            return None
        part: Tool | Tools = self._plugins.build("tool", name)
        if isinstance(part, Tool):
            return part
        self._holders[name] = part
        return None

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
        """Free models, sandboxes and what holds tools. May be called twice."""
        for part in (*self._models.values(), *self._sandboxes.values(), *self._holders.values()):
            await part.aclose()
        self._models.clear()
        self._sandboxes.clear()
        self._holders.clear()


def recording_of_model(model: Model) -> Recording | None:
    """The recording a model speaks from; then tools must speak from it too."""
    return model.recording if isinstance(model, ReplayModel) else None
