"""A conversation: its settings, its questions and their runs. All that a command can do goes through here."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agentfix.errors import AgentFixError, InputError, JournalError
from agentfix.repl.mentions import mentioned
from agentfix.repl.permissions import Permissions
from agentfix.repl.screen import Screen
from agentfix.repl.spending import Spending
from agentfix.repl.state import State, Turn
from agentfix.repl.store import Session, Sessions, new_name
from agentfix.repl.warming import Warming
from agentfix.settings import Settings, load_settings, settings_path
from agentfix.threads import in_thread

if TYPE_CHECKING:
    from agentfix.cli.plain import Watcher
    from agentfix.journal import RunStory
    from agentfix.plugins import Plugins
    from agentfix.types import Event, Result, Task, ToolCall, Usage

OnEvent: TypeAlias = "Callable[[Event], None]"
OnDoubt: TypeAlias = "Callable[[ToolCall], Awaitable[Any]]"
Start: TypeAlias = "Callable[[Any, OnEvent, OnDoubt], Awaitable[Result]]"
"""Begins a run, or goes on with one."""
UNCHECKED = "none"
"""The strategy that answers without checking."""


@dataclass
class Conversation:
    """A conversation that is going on. Implements `agentfix.Repl`.

    Args:
        arguments: the settings that the command line gave.
        named: the plugins that it named.
        screen: where it is shown.
        sessions: where conversations are kept.
        session: this one.
        folder: the working folder.
        make_agent: makes the agent.
        asks: somebody can be asked.
    """

    arguments: Mapping[str, Any]
    named: tuple[str, ...]
    screen: Screen
    sessions: Sessions
    session: Session
    folder: Path
    make_agent: Callable[[Settings], Any]
    asks: bool
    warming: Warming = field(default_factory=Warming)
    result: Result | None = None
    """Of the latest run that ended in this process."""
    spent: Usage | None = None
    """In this process."""
    settings: Settings = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _agent: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.settings = self._settings(self.state)

    @property
    def state(self) -> State:
        """What it has come to."""
        return self.session.state

    @property
    def permissions(self) -> Permissions:
        """What a person allowed in this project once and for all."""
        return self._permissions(self.settings)

    def _permissions(self, settings: Settings) -> Permissions:
        kept = settings.journal != "memory"
        return Permissions(settings.data_dir / "allowed.json" if kept else None,
                           settings_path(self.folder).absolute().parent)

    @property
    def plugins(self) -> Plugins:
        """The plugins, and what they bring."""
        if self._agent is not None:
            return self._agent.plugins
        from agentfix.plugins import Plugins  # noqa: PLC0415 - takes a while to load

        return Plugins(self.settings)

    def say(self, text: str, style: str = "") -> None:
        """Show a text. Control characters in it are made visible."""
        self.screen.say(text, style)

    # --- settings ----------------------------------------------------------------------------------------------------

    def change(self, name: str, value: Any) -> None:
        """Change a setting from now on; None takes the change back.

        Raises:
            ConfigError: it can't have that value.
        """
        changes = {**self.state.changes, name: value}
        load_settings({**self.arguments, **changes}, directory=self.folder)
        self.session.note("set", name=name, value=value)
        self.refresh()

    def refresh(self) -> None:
        """Take up what was changed: settings, permissions, agentfix.toml."""
        self.settings = self._settings(self.state)
        self.warming.begin(self.settings)

    def _settings(self, state: State) -> Settings:
        settings = load_settings({**self.arguments, **state.changes}, directory=self.folder)
        changes: dict[str, Any] = {
            "plugins": (*settings.plugins, *self.named),
            "policy": (*settings.policy, *(f"allow {tool}" for tool in self._permissions(settings).tools())),
            "work_dir": settings.work_dir or self.folder,
        }
        if not state.verify:
            changes["strategy"] = UNCHECKED
        return settings.model_copy(update=changes)

    # --- questions ---------------------------------------------------------------------------------------------------

    async def ask(self, question: str) -> Result | None:
        """Ask something, and show what comes of it.

        Returns:
            The result; None when the run was stopped or failed.

        Raises:
            InputError: a file that is mentioned can't be used.
        """
        task, run = self._task(question, say=True), new_name()
        self.session.note("asked", question=question, run=run)
        return await self._follow(run, lambda agent, show, settle: agent.arun(task, run_id=run, on_event=show))

    async def retry(self) -> Result | None:
        """Go on with the latest run where it was cut off; answer its question once more where it ended.

        Raises:
            InputError: nothing was asked yet.
        """
        turn = self.turn()
        task, run = self._task(turn.question), turn.take.run
        if turn.take.state != "ended":
            async def go_on(agent: Any, show: OnEvent, settle: OnDoubt) -> Result:
                if await (await agent.open_journal()).header(run) is None:  # it had not begun
                    return await agent.arun(task, run_id=run, on_event=show)
                return await agent.resume(run, on_event=show, on_doubt=settle)

            return await self._follow(run, go_on)
        run, seed = new_name(), self.settings.seed + len(turn.takes)
        self.session.note("again", run=run)
        return await self._follow(run, lambda agent, show, settle: agent.arun(
            task, run_id=run, seed=seed, on_event=show))

    async def fork(self, step: int) -> Result | None:
        """Answer the latest question once more, from a step of its run on, with the settings of now.

        Raises:
            InputError: nothing was asked yet.
        """
        begins_as = self.turn().take.run
        changes = {name: getattr(self.settings, name) for name in self.state.changes}
        if not self.state.verify:
            changes["strategy"] = UNCHECKED
        return await self._follow("", lambda agent, show, settle: agent.fork(
            begins_as, step, on_event=show, **changes))

    def turn(self) -> Turn:
        """The latest question. Raises InputError: there is none."""
        if not self.state.turns:
            raise InputError("Nothing was asked yet.", "Type a question.")
        return self.state.turns[-1]

    async def story(self, run: str = "") -> RunStory:
        """A run, whole, as the journal tells it.

        Args:
            run: its name, or the beginning of it; the latest of this conversation when empty.

        Raises:
            InputError: nothing was asked yet.
            JournalError: there is no such run.
        """
        from agentfix.journal import Archive, SqliteJournal  # noqa: PLC0415 - takes a while to load

        journal = await (await self.agent()).open_journal()
        if not isinstance(journal, SqliteJournal):
            raise JournalError("The journal can't be looked into.")
        archive = Archive(journal)
        return await archive.story(archive.find(run or self.turn().take.run))

    def _task(self, question: str, *, say: bool = False) -> Task:
        from agentfix.types import Task  # noqa: PLC0415 - the first prompt comes first

        found = mentioned(question, self.folder)
        if say and found.files:
            self.say(f"with {', '.join(found.files)}", "dim")
        if say and found.missing:
            self.say(f"note: no such file: {', '.join(found.missing)}", "yellow")
        return Task(question, self.settings.kind, context=found.context, images=found.images)

    # --- runs --------------------------------------------------------------------------------------------------------

    async def _follow(self, run: str, start: Start) -> Result | None:
        """Show a run to its end; Ctrl-C ends it and not the conversation.

        Args:
            run: its name; empty when the agent names it.
            start: begins it.
        """
        spending = Spending(self.settings.budget)
        watcher = self.screen.watcher(spending.line)

        def show(event: Event) -> None:
            nonlocal run
            if not run:
                run = event.run_id
                self.session.note("again", run=run)
            spending.hear(event)
            watcher.show(event)

        try:
            agent = await self.agent()
            await self._ready()
            agent.on_approval = self._approver(watcher)
            with watcher.watching():
                result = await start(agent, show, self._settler(watcher))
        except asyncio.CancelledError:
            if run:
                self.session.note("stopped", run=run)
            self.say("Stopped. /retry goes on with it.", "yellow")
            return None
        except AgentFixError as error:
            if run:
                self.session.note("failed", run=run)
            self.say(str(error), "red")
            return None
        finally:
            self.spent = spending.usage if self.spent is None else self.spent + spending.usage
        self._ended(run, result)
        return result

    def _ended(self, run: str, result: Result) -> None:
        self.result = result
        by = result.supported_by
        how = "failed" if result.stop_reason.startswith("failed: ") else "ended"
        self.session.note(how, run=run, answer=result.answer, supported_by=by and by.label, declined=result.declined)
        if how == "failed":
            self.say("The run failed. /retry goes on with it.", "yellow")

    async def agent(self) -> Any:
        """The agent of the settings of now."""
        if self._agent is None or self._agent.settings != self.settings:
            await self._open.aclose()
            self._agent = None
            self._agent = await self._open.enter_async_context(self.make_agent(self.settings))
        return self._agent

    async def _ready(self) -> None:
        """Have fetched, indexed and loaded what the settings name, before any clock runs."""
        from agentfix.agent import Agent  # noqa: PLC0415 - takes a while to load

        if not isinstance(self._agent, Agent):
            return
        self._fetch()
        self.warming.begin(self.settings)
        with self.screen.busy(self._warming_line):
            await self.warming.ready()
            if self.settings.kind.partition(":")[0] == "qa" or "corpus_search" in self.settings.tools:
                from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins

                await in_thread(index_corpus, self.settings)

    def _fetch(self) -> None:
        from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client

        # Whoever fetches holds the event loop, whose own handler would keep Ctrl-C until all is there.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            fetch_models(self.settings)
        except KeyboardInterrupt:
            raise asyncio.CancelledError from None
        finally:
            signal.signal(signal.SIGINT, handler)

    def _warming_line(self) -> str:
        loaded = self.warming.loaded
        return "getting ready" if loaded is None else f"loading {self.settings.model}: {loaded:.0%}"

    def _approver(self, watcher: Watcher) -> Any:
        if not self.asks:
            return None
        from agentfix.cli.asking import approver  # noqa: PLC0415 - takes a while to load

        return approver(watcher.paused, self._always)

    def _settler(self, watcher: Watcher) -> OnDoubt:
        async def settled(call: ToolCall) -> str:
            from agentfix.cli.asking import settle  # noqa: PLC0415

            with watcher.paused() if self.asks else nullcontext():
                return await settle(call) if self.asks else "stop"

        return settled

    def _always(self, tool: str) -> None:
        self.permissions.allow(tool)
        self.settings = self._settings(self.state)

    # --- this conversation and others --------------------------------------------------------------------------------

    def go_to(self, session: Session) -> None:
        """Leave this conversation, and go on with another one."""
        self.session.note("left")
        self.session.close()
        self.session, self.result = session, None
        self.refresh()

    async def aclose(self) -> None:
        """Leave it, and close what is open."""
        self.warming.end()
        await self._open.aclose()
        self.session.close()


def names_of(plugins: Plugins, part: Any) -> Sequence[str]:
    """The parts of a sort, by name."""
    return [entry.name for entry in plugins.names(part)]
