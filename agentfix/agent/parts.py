"""The parts of an agent, made by name when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

from agentfix.agent.found import Notice, find
from agentfix.agent.toolbox import Toolbox
from agentfix.conversation import follows
from agentfix.errors import PluginError, UnknownNameError
from agentfix.isolation import IsolatedTool
from agentfix.models.replay import ReplayModel, ReplaySession
from agentfix.plugins import Plugins
from agentfix.protocols import ActingKind, Critic, Model, Sandbox, Session, Strategy, TaskKind, Tool, Tools
from agentfix.recording import Recording
from agentfix.settings import Settings, read_key, split_model
from agentfix.tools import read_policy
from agentfix.types import Task, ToolSpec

FOUND = "__"
"""Stands in the names of tools that are found by opening what holds them, and in no other."""
ACTING = "tools"
"""The kind of a task for which tools are named."""
STRUCTURED = "json"
"""The kind of a task whose answer has to fit a schema."""


class Parts:
    """Makes parts from plugins and keeps the models.

    Args:
        settings: for what no run says otherwise.
        plugins: where parts come from.

    Raises:
        UsageError: the settings name a part that there is not, or a strategy with an argument that is none.
    """

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self._settings = settings
        self._plugins = plugins
        self._models: dict[str, Model] = {}
        self._sandboxes: dict[str, Sandbox] = {}
        self._holders: dict[str, Tools] = {}
        self._specs: dict[str, ToolSpec] = {}
        """Of the tools that were made."""
        self.require(settings)

    def require(self, settings: Settings) -> None:
        """Raise UsageError for a misspelt name or a strategy's argument that is none, ConfigError for a rule that is
        none: at once, not after a model was fetched and loaded."""
        for model in (settings.model, settings.critic_model or settings.model):
            self._plugins.find("model", split_model(model)[0])
        self.strategy(settings.strategy)
        self._plugins.find("sandbox", settings.sandbox)
        if settings.kind != "auto":
            self._plugins.find("kind", settings.kind.partition(":")[0])
        for critic in settings.critics:
            self._plugins.find("critic", critic.partition(":")[0])
        read_policy(settings.policy)
        for tool in settings.tools:
            if FOUND not in tool:
                self._plugins.find("tool", tool)

    def kind(self, task: Task, settings: Settings, chosen: Callable[[str, str], None]) -> TaskKind:
        """The kind of a task: as told (`name` or `name:argument`), or found out, of which `chosen` is told."""
        if task.kind == "auto" and task.schema is not None:
            chosen(STRUCTURED, "the answer has to fit a schema")
            return self._plugins.build("kind", STRUCTURED)
        wanted = task.kind if task.kind != "auto" else settings.kind
        if wanted != "auto":
            name, _, argument = wanted.partition(":")
            return self._plugins.build("kind", name, argument)
        if settings.tools:
            chosen(ACTING, "tools were named for it")
            return self._plugins.build("kind", ACTING)
        kinds: list[TaskKind] = [self._plugins.build("kind", entry.name) for entry in self._plugins.names("kind")
                                 if entry.name != "text"]
        why, found = "the question looks like it", next((kind for kind in kinds if kind.matches(task)), None)
        if found is None and follows(task):
            before = replace(task, question=task.history[-1].question)
            why, found = "the question before it looks like it", next((k for k in kinds if k.matches(before)), None)
        found = found or self._plugins.build("kind", "text")
        chosen(found.name, why if found.name != "text" else "the question looks like it")
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

    def critics(self, names: tuple[str, ...], own: Mapping[str, Critic]) -> Callable[[str], Critic]:
        """Makes critics by `name` or `name:argument`, each once.

        Args:
            names: of those that are made at once.
            own: critics that come with the run.

        Raises:
            UnknownNameError: one of the names is no critic's.
        """
        made = dict(own)

        def critic(name: str) -> Critic:
            if name not in made:
                made[name] = self._plugins.build("critic", *name.partition(":")[::2])
            return made[name]

        for name in names:
            critic(name)
        return critic

    def tools(self, notice: Notice) -> Toolbox:
        """All tools by name, but for those that are found by opening what holds them. Those that were made for an
        earlier run are made when they are asked for: what they say of themselves is known.

        Args:
            notice: told of a tool that can't be made; the others are there all the same.
        """
        def make(name: str) -> Tool | None:
            try:
                built = self._built(name)
            except PluginError as error:
                notice(str(error))
                return None
            if built is not None:
                self._specs[name] = built.spec
            return built

        tools: dict[str, Tool | ToolSpec] = {}
        for entry in self._plugins.names("tool"):
            tool = self._specs.get(entry.name) or make(entry.name)
            if tool is not None:
                tools[entry.name] = tool
        return Toolbox(tools, make)

    def usable(self, kind: TaskKind, tools: Toolbox, found: Sequence[ToolSpec], settings: Settings,
               notice: Notice) -> tuple[str, ...]:
        """What an actor may use: the tools that the settings name, or else all that have no side effects.

        Args:
            kind: of the run; where it does not act, those that are named may check its claims.
            tools: all there are.
            found: those of them that were found by opening what holds them; its name stands for all of them.
            settings: name tools.
            notice: told of a tool that no model can be offered.

        Raises:
            UnknownNameError: one of the names is no tool's.
        """
        if not isinstance(kind, ActingKind):
            return tuple(name for name in settings.tools if name in tools)
        if not settings.tools:
            harmless = [name for name, spec in tools.specs.items() if not spec.side_effects]
            return tuple(spec.name for spec in tools.specs_of(harmless) if _sound(spec, notice))
        named: list[str] = []
        for name in settings.tools:
            if name not in tools and name not in self._holders:
                raise UnknownNameError("tool", name, tools)
            named += [name] if name in tools else [spec.name for spec in found]
        return tuple(spec.name for spec in tools.specs_of(dict.fromkeys(named)) if _sound(spec, notice))

    async def found(self, kind: TaskKind, taken: Mapping[str, Tool], settings: Settings,
                    notice: Notice) -> Mapping[str, Tool]:
        """Tools that are found by opening what holds them: none for a kind that does not act, nor where the settings
        name none of them.

        Args:
            kind: of the run.
            taken: tools whose names are taken already.
            settings: name tools.
            notice: told what can't be used.
        """
        if not isinstance(kind, ActingKind) or (settings.tools and all(name in taken for name in settings.tools)):
            return {}
        return await find(self._holders, taken, notice)

    def _built(self, name: str) -> Tool | None:
        """A tool; what holds several is made once and kept."""
        if name in self._holders:
            return None
        part: Any = self._plugins.build("tool", name)
        if isinstance(part, Tools):
            self._holders[name] = part
            return None
        plugin = self._plugins.find("tool", name).plugin
        if not isinstance(part, Tool) or not isinstance(part.spec, ToolSpec):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PluginError(plugin, f"tool {name!r} is none: it lacks `spec` or `run`.")
        if part.spec.name != name:
            raise PluginError(plugin, f"tool {name!r} calls itself {part.spec.name!r}.")
        if not part.spec.isolate:
            return part
        return IsolatedTool(part.spec, plugin, self._settings, read_key)

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


def _sound(spec: ToolSpec, notice: Notice) -> bool:
    """Whether a tool's schema is one."""
    try:
        Draft202012Validator.check_schema(dict(spec.parameters))
    except SchemaError as error:
        notice(f"Tool {spec.name!r} is left out: its schema is wrong: {error.message}.")
        return False
    return True
