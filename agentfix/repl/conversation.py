"""A conversation: its settings, its questions and their runs. All that a command can do goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agentfix.errors import AgentFixError, InputError, JournalError
from agentfix.repl.agents import Agents
from agentfix.repl.mentions import mentioned
from agentfix.repl.permissions import Permissions
from agentfix.repl.reading import PlainReader, Reader
from agentfix.repl.screen import Screen
from agentfix.repl.spending import Spending
from agentfix.repl.state import State, Turn
from agentfix.repl.store import Session, Sessions, new_name
from agentfix.repl.watched import Watched
from agentfix.settings import Settings, load_settings, settings_path

if TYPE_CHECKING:
    from agentfix.agent import Agent
    from agentfix.cli.plain import Watcher
    from agentfix.journal import RunStory
    from agentfix.plugins import Plugins
    from agentfix.types import Critique, Event, Polarity, Result, Task, ToolCall, Usage

OnEvent: TypeAlias = "Callable[[Event], None]"
OnDoubt: TypeAlias = "Callable[[ToolCall], Awaitable[Any]]"
Start: TypeAlias = "Callable[[Agent, OnEvent, OnDoubt], Awaitable[Result]]"
"""Begins a run, or goes on with one."""
HISTORY_CHARS = 6000
"""Of what was said before, at most so much is put before a question, and no more than a quarter of the context."""
UNCHECKED = "none"
"""The strategy that answers without checking."""


@dataclass
class Conversation:
    """A conversation that is going on. Implements `agentfix.Repl`.

    Args:
        named: the plugins that it named.
        screen: where it is shown.
        sessions: where conversations are kept.
        session: this one.
        folder: the working folder.
        asks: somebody can be asked.
        agents: makes the agent, and gets ready what it needs.
    """

    named: tuple[str, ...]
    screen: Screen
    sessions: Sessions
    session: Session
    folder: Path
    asks: bool
    agents: Agents = field(default_factory=Agents)
    result: Result | None = None
    """Of the latest run that ended in this process."""
    spent: Usage | None = None
    """In this process."""
    settings: Settings = field(init=False)
    reader: Reader = field(init=False)
    """Reads what is typed."""
    edits: bool = False
    """A person is given each critique before the answer is revised."""
    remarked: Polarity | None = None
    """What they last said of the answer."""
    _given: set[tuple[int, str, str]] = field(default_factory=set[tuple[int, str, str]], init=False)
    """The critiques that they were given of the latest question."""

    def __post_init__(self) -> None:
        self.settings = self._settings(self.state)
        self.reader = PlainReader(self.asks)

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
        return self.agents.plugins(self.settings)

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
        load_settings(changes, directory=self.folder)
        self.session.note("set", name=name, value=value)
        self.refresh()

    def refresh(self) -> None:
        """Take up what was changed: settings, permissions, agentfix.toml."""
        self.settings = self._settings(self.state)
        self.agents.warming.begin(self.settings)

    def _settings(self, state: State) -> Settings:
        settings = load_settings(state.changes, directory=self.folder)
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
        task, run = self._task(question, self.state.turns, say=True), new_name()
        self._given.clear()
        self.remarked = None
        self.session.note("asked", question=question, run=run)
        return await self._follow(run, lambda agent, show, settle: agent.arun(task, run_id=run, on_event=show))

    async def retry(self) -> Result | None:
        """Go on with the latest run where it was cut off; answer its question once more where it ended.

        Raises:
            InputError: nothing was asked yet.
        """
        turn = self.turn()
        task, run = self._task(turn.question, self.state.turns[:-1]), turn.take.run
        if turn.take.state != "ended":
            return await self._follow(run, self._going_on(turn, task))
        run, seed = new_name(), self.settings.seed + len(turn.takes)
        self.session.note("again", run=run)
        return await self._follow(run, lambda agent, show, settle: agent.arun(
            task, run_id=run, seed=seed, on_event=show), another=True)

    def _going_on(self, turn: Turn, task: Task) -> Start:
        """Goes on with the latest run of a turn, or begins it where it had not begun."""
        take = turn.take

        async def go_on(agent: Agent, show: OnEvent, settle: OnDoubt) -> Result:
            if await (await agent.open_journal()).header(take.run) is not None:
                return await agent.aresume(take.run, on_event=show, on_doubt=settle)
            if take.objection:
                return await self._challenging(turn.takes[-2].run, take.run, take.objection, take.attempt)(
                    agent, show, settle)
            return await agent.arun(task, run_id=take.run, on_event=show)

        return go_on

    async def challenge(self, text: str, attempt: int | None = None) -> Result | None:
        """Object to the latest answer, and have the run go on from there.

        Args:
            text: what is wrong.
            attempt: with which attempt; None for the answer.

        Raises:
            InputError: nothing was asked yet.
        """
        before, run = self.turn().take.run, new_name()
        self.session.note("again", run=run, objection=text, attempt=attempt)
        return await self._follow(run, self._challenging(before, run, text, attempt), another=True)

    async def edit(self, critique: Critique) -> bool:
        """Have a person rewrite what a critic said, and the answer revised by that.

        Returns:
            Whether they did; otherwise nothing has happened.
        """
        self.say(f"What {critique.critic} said of attempt {critique.attempt}; as you send it, the reviser is told it.",
                 "dim")
        text = await self.reader.read(critique.feedback)
        if not text.strip() or text.strip() == critique.feedback.strip():
            self.say("It is left as it is.", "dim")
            return False
        await self.challenge(text.strip(), critique.attempt)
        return True

    async def remark(self, polarity: Polarity, text: str) -> None:
        """Keep what a person says of the latest answer: evidence for it or against it.

        Raises:
            InputError: nothing was asked yet, or the run has not ended, or has no answer.
        """
        from agentfix.cli import words  # noqa: PLC0415 - loads more than the first prompt needs
        from agentfix.types import Remark  # noqa: PLC0415

        take = self.turn().take
        if take.state == "ended" and take.answer is None:
            raise InputError("The latest run has no answer.", "Ask once more: /retry")
        run = take.run
        agent = await self.agents.agent(self.settings)
        result: Result = await agent.aremark(run, Remark(text, polarity))
        self.remarked = polarity
        self._note_support(result)
        self.say(words.trust(result), "yellow" if result.abstained else "green")

    async def recount(self) -> None:
        """Take up what speaks now for the answer of the latest run: it may have been spoken of since.

        Raises:
            InputError: nothing was asked yet.
            JournalError: the journal can't be read.
        """
        result = (await self.story()).summary.result
        if result is not None and self.turn().take.state == "ended":
            self._note_support(result)

    def _note_support(self, result: Result) -> None:
        self.result, by = result, result.supported_by
        self.session.note("ended", run=result.run_id, answer=result.answer, supported_by=by and by.label)

    def _challenging(self, before: str, run: str, text: str, attempt: int | None) -> Start:
        from agentfix.types import Remark  # noqa: PLC0415 - the first prompt comes first

        return lambda agent, show, settle: agent.achallenge(
            before, Remark(text, attempt=attempt), into=run, on_event=show, **self._changes())

    def _changes(self) -> dict[str, Any]:
        """The settings that this conversation changed, for a run that goes on from one with others."""
        changes = {name: getattr(self.settings, name) for name in self.state.changes}
        return changes if self.state.verify else {**changes, "strategy": UNCHECKED}

    async def fork(self, step: int) -> Result | None:
        """Answer the latest question once more, from a step of its run on, with the settings of now.

        Raises:
            InputError: nothing was asked yet.
        """
        begins_as = self.turn().take.run
        return await self._follow("", lambda agent, show, settle: agent.afork(
            begins_as, step, on_event=show, **self._changes()))

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
        from agentfix.journal import Archive, KeptJournal  # noqa: PLC0415 - takes a while to load

        journal = await (await self.agents.agent(self.settings)).open_journal()
        if not isinstance(journal, KeptJournal):
            raise JournalError("The journal can't be looked into.")
        archive = Archive(journal)
        return await archive.story(archive.find(run or self.turn().take.run))

    def _task(self, question: str, before: Sequence[Turn], *, say: bool = False) -> Task:
        """A question as it is put to the agent, with what it mentions and what was said before."""
        from agentfix.conversation import compacted  # noqa: PLC0415 - the first prompt comes first
        from agentfix.types import Task  # noqa: PLC0415
        from agentfix.types import Turn as Earlier  # noqa: PLC0415

        found = mentioned(question, self.folder)
        if say and found.files:
            self.say(f"with {', '.join(found.files)}", "dim")
        if say and found.missing:
            self.say(f"note: no such file: {', '.join(found.missing)}", "yellow")
        earlier = [Earlier(turn.question, turn.take.answer or "", turn.take.heard) for turn in before if turn.answered]
        limit_chars = min(HISTORY_CHARS, self.settings.context_tokens or HISTORY_CHARS)
        return Task(question, self.settings.kind, context=found.context, images=found.images,
                    history=compacted(earlier, limit_chars))

    # --- runs --------------------------------------------------------------------------------------------------------

    async def _follow(self, run: str, start: Start, *, another: bool = False) -> Result | None:
        """Show a run to its end; Ctrl-C ends it and not the conversation.

        Args:
            run: its name; empty when the agent names it.
            start: begins it.
            another: where it can't begin, the run before it counts again.
        """
        spending = Spending(self.settings.budget)
        watched = Watched(run, self.screen.watcher(spending.line), spending, self._wants_a_word)

        def show(event: Event) -> None:
            if not watched.run:
                self.session.note("again", run=event.run_id)
            watched.show(event)

        try:
            agent = await self.agents.ready(self.settings, self.screen.busy)
            agent.on_approval = self._approver(watched.watcher)
            with watched.watcher.watching():
                result = await start(agent, show, self._settler(watched.watcher))
        except asyncio.CancelledError:
            watched.ended()
            self._cut_off("stopped", watched.run)
            if watched.stopped_at is not None:
                return self.result if await self.edit(watched.stopped_at) else await self.retry()
            self.say("Stopped. /retry goes on with it.", "yellow")
            return None
        except AgentFixError as error:
            if another and not watched.begun:
                self.session.note("undone")
            else:
                self._cut_off("failed", watched.run)
            self.say(str(error), "red")
            return None
        finally:
            self.spent = spending.usage if self.spent is None else self.spent + spending.usage
        self._ended(watched.run, result)
        return result

    def _cut_off(self, how: str, run: str) -> None:
        if run:
            self.session.note(how, run=run)

    def _wants_a_word(self, critique: Critique) -> bool:
        """Whether a person rewrites a critique before the answer is revised."""
        asks = (critique.attempt, critique.critic, critique.feedback)
        if not self.edits or critique.verdict != "revise" or not is_a_critics(critique) or asks in self._given:
            return False
        self._given.add(asks)
        return True

    def _ended(self, run: str, result: Result) -> None:
        self.result = result
        by = result.supported_by
        how = "failed" if result.stop_reason.startswith("failed: ") else "ended"
        self.session.note(how, run=run, answer=result.answer, supported_by=by and by.label, declined=result.declined,
                          heard=result.heard)
        if how == "failed":
            self.say("The run failed. /retry goes on with it.", "yellow")

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
        await self.agents.aclose()
        self.session.close()


def names_of(plugins: Plugins, part: Any) -> Sequence[str]:
    """The parts of a sort, by name."""
    return [entry.name for entry in plugins.names(part)]


def is_a_critics(critique: Critique) -> bool:
    """Whether it is what a critic said that a reviser can be told; not what a person or the engine itself said."""
    from agentfix.evidence import ENGINE_CRITICS  # noqa: PLC0415 - the first prompt comes first

    return bool(critique.feedback.strip()) and critique.critic not in ENGINE_CRITICS
