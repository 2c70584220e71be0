"""Commands about what was answered: seeing it, seeing why, going back and answering once more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agentfix.errors import InputError, JournalError
from agentfix.repl.commands.command import Command
from agentfix.repl.conversation import Conversation

if TYPE_CHECKING:
    from agentfix.journal import RunStory
    from agentfix.types import Attempt, Round

_CALLS = "calls"


async def _history(argument: str, conversation: Conversation) -> None:
    if not conversation.state.turns:
        conversation.say("Nothing was asked yet.")
    for number, turn in enumerate(conversation.state.turns, 1):
        take = turn.take
        conversation.say(f"{number}  {_line(turn.question, 100)}", "bold")
        state = take.state if take.state != "ended" else f"supported by {take.supported_by}" if take.supported_by \
            else "not supported"
        answer = "" if take.answer is None or take.declined else f"{_line(take.answer, 60)}  "
        more = f", {len(turn.takes)} runs" if len(turn.takes) > 1 else ""
        conversation.say(f"   {answer}({state}; run {take.run}{more})")


def _line(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}..."


async def _undo(argument: str, conversation: Conversation) -> None:
    turn = conversation.turn()
    conversation.session.note("undone")
    conversation.result = None
    if conversation.state.turns and conversation.turn().takes == turn.takes[:-1]:
        conversation.say(f"Back at run {conversation.turn().take.run} of: {_line(turn.question, 100)}")
        if turn.take.objection:
            await conversation.recount()
            conversation.say("Your objection still counts as evidence there; /good replaces it where it was against "
                             "the answer.")
    else:
        conversation.say(f"Taken back: {_line(turn.question, 100)}. The journal keeps its run {turn.take.run}; what "
                         "tools did outside is not undone.")


async def _retry(argument: str, conversation: Conversation) -> None:
    await conversation.retry()


async def _fork(argument: str, conversation: Conversation) -> None:
    from agentfix.cli.story import step_lines  # noqa: PLC0415 - loads the journal

    if argument.isdecimal():
        await conversation.fork(int(argument))
    elif argument:
        raise InputError(f"{argument!r} is no step.", "Write: /fork N; /fork alone shows the steps")
    else:
        for line in step_lines(await conversation.story()):
            conversation.say(line)
        conversation.say("/fork N begins a new run as this one did, up to step N, with the settings of now.", "dim")


async def _diff(argument: str, conversation: Conversation) -> None:
    from agentfix.cli.diff import diff_of  # noqa: PLC0415 - loads more than the first prompt needs

    words = argument.split()
    if len(words) not in (0, 2):
        raise InputError("Two things are compared.", "Write: /diff 0 1, for two attempts, or /diff RUN RUN")
    story = await conversation.story()
    if not words:
        if len(story.attempts) < 2:
            raise InputError("There is only one attempt.", "Write: /diff RUN RUN")
        words = [str(story.attempts[-2].id), str(story.attempts[-1].id)]
    before, after = [await _meant(word, story, conversation) for word in words]
    names = None if all(word.isdecimal() and len(word) < 5 for word in words) else (words[0], words[1])
    diff = diff_of(before, after, names)
    conversation.screen.source(diff or "They say the same.", "diff" if diff else "text")


async def _meant(word: str, story: RunStory, conversation: Conversation) -> Attempt:
    """An attempt of the latest run by its number, or what another run answered."""
    if word.isdecimal() and len(word) < 5:
        if int(word) >= len(story.attempts):
            raise InputError(f"There is no attempt {word}: the latest run has {len(story.attempts)}.",
                             "See: /trace")
        return story.attempts[int(word)]
    other = await conversation.story(word)
    result = other.summary.result
    if result is None or result.attempt is None:
        raise InputError(f"Run {word!r} has no answer.", f"See: /trace {word}")
    return result.attempt


async def _trace(argument: str, conversation: Conversation) -> None:
    from agentfix.cli.story import tell  # noqa: PLC0415 - loads the journal

    words = argument.split()
    calls = _CALLS in words
    run = next((word for word in words if word != _CALLS), "")
    tell(await conversation.story(run), calls=calls, say=conversation.say)


async def _why(argument: str, conversation: Conversation) -> None:
    from agentfix.cli import words  # noqa: PLC0415 - loads more than the first prompt needs
    from agentfix.evidence import PERSON  # noqa: PLC0415
    from agentfix.why import changes  # noqa: PLC0415

    story = await conversation.story(argument)
    result = story.summary.result
    if result is None:
        raise InputError("The run has not ended.", "Go on with it: /retry")
    rounds, unopposed = await _rounds(story, conversation)
    for change in changes(result.attempts, result.critiques, rounds, result.best, unopposed=unopposed):
        attempt = result.attempts[change.after]
        instead = "" if change.before is None else f" instead of attempt {change.before}"
        at_the_end = change.before == change.after
        when = "Since then" if any(cause.critic == PERSON for cause in change.causes) else "At the end"
        conversation.say(f"{when}, {change.reason}" if at_the_end else
                         f"Attempt {change.after} became the answer{instead}: {words.answered(attempt)}", "bold")
        if not at_the_end:
            conversation.say(f"  because {change.reason}")
        for cause in change.causes:
            conversation.say(f"    {cause.critic} on attempt {cause.attempt} {words.evidence(cause.evidence)}",
                             "green" if cause.evidence.polarity == "supports" else "red")
    conversation.say(words.trust(result))


async def _rounds(story: RunStory, conversation: Conversation) -> tuple[Sequence[Round], int | None]:
    """The rounds of a run and of those it goes on from; how many came before the first objection, None without one."""
    rounds, before = [*_own_rounds(story)], story.summary.continues
    if not before:
        return rounds, None
    unopposed = 0
    while before:
        try:
            story = await conversation.story(before)
        except JournalError:  # it was removed since
            return rounds, 0
        own = _own_rounds(story)
        rounds, before, unopposed = [*own, *rounds], story.summary.continues, len(own)
    return rounds, unopposed


def _own_rounds(story: RunStory) -> Sequence[Round]:
    return story.rounds if story.summary.result is None else story.summary.result.rounds


def _runs(conversation: Conversation) -> Iterable[str]:
    return (_CALLS, *(take.run for turn in conversation.state.turns for take in turn.takes))


COMMANDS = (
    Command("history", "", "List the questions so far, with what came of them.", _history),
    Command("undo", "", "Take the latest run back, and its question with its last run.", _undo),
    Command("retry", "", "Go on with a run that was cut off; where it ended, answer the question once more.", _retry),
    Command("fork", "N", "Answer once more from step N of the latest run on; alone it lists the steps.", _fork),
    Command("diff", "A B", "Compare two attempts of the latest run, or the answers of two runs.", _diff),
    Command("why", "", "Why the answer changed: each change with its evidence.", _why),
    Command("trace", "[calls] [RUN]", "Tell the latest run whole; calls unfolds what was said in each (Ctrl-O).",
            _trace, _runs),
)
