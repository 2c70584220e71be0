"""`agentfix run`: one question, answered, checked and fixed while you watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agentfix.cli.following import Following, Start, follow
from agentfix.cli.images import read_image
from agentfix.cli.plugins.option import journal_option, plugin_option, with_plugins
from agentfix.cli.question import read_checks, read_question
from agentfix.errors import InputError
from agentfix.settings import Settings, load_settings
from agentfix.types import EvidenceClass, Task

_FILE = click.Path(path_type=Path)


@click.command(short_help="Answer a question, check the answer with tools, and fix it.")
@click.argument("question", required=False)
@click.option("--file", type=_FILE, help="Read the question from a file.")
@click.option("--tests", type=_FILE, help="Python file with your own checks of the answer: assertions, or functions "
              "named test_... They run after a program; elsewhere they read the variable `answer`.")
@click.option("--model", help="The model that answers, as backend:name.")
@click.option("--critic-model", help="The model that criticises; the answering one unless told.")
@click.option("--critic", "critics", multiple=True, help="Ask this critic too, besides the kind's own; may be given "
              "several times.")
@click.option("--tool", "tools", multiple=True, help="The model may use this tool and act with it, step by step; may "
              "be given several times.")
@click.option("--strategy", help="What to do next, and when to stop, as name or name:argument.")
@click.option("--kind", help="The sort of task; found out unless told.")
@click.option("--corpus", help="What corpus_search searches: a corpus by name, or a file or folder by its path.")
@click.option("--policy", multiple=True, metavar="RULE", help="allow|ask|deny TOOL, or TOOL(ARGUMENT=PATTERN, ...): "
              "which calls are made; the first that fits decides. May be given several times.")
@click.option("--sandbox", help="Where programs run.")
@click.option("--require", type=click.Choice([c.label for c in EvidenceClass]),
              help="The class of evidence from which an answer counts as supported.")
@click.option("--max-rounds", type=int, help="How often the model is asked to answer or revise, at most.")
@click.option("--max-tokens", type=int, help="Tokens read and written, at most.")
@click.option("--max-seconds", type=float, help="Seconds, at most.")
@click.option("--max-cost", type=float, help="Money, at most.")
@click.option("--seed", type=int, help="Where chance starts from.")
@click.option("--deterministic", is_flag=True, default=None, help="Have a local model compute each request alone: "
              "slower, and the same seed gives the same bits.")
@click.option("--image", "images", multiple=True, help="A picture that belongs to the question: a file or an https: "
              "address; may be given several times.")
@plugin_option
@click.option("--fork", metavar="RUN@STEP", help="Begin as an earlier run did, up to that call; without QUESTION.")
@click.option("--record", type=_FILE, help="Add the calls of this run to a file, for --model replay:FILE.")
@journal_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the answer and nothing else.")
@click.pass_context
def run(context: click.Context, question: str | None, file: Path | None, tests: Path | None, images: tuple[str, ...],
        named: tuple[str, ...], fork: str | None, as_json: bool, quiet: bool, **arguments: Any) -> None:
    """Answer QUESTION, check the answer with tools, and fix it. `-` reads it from standard input.

    Exit status: 0 when evidence of the required class supports the answer, 3 when not, 1 when the run failed,
    2 for misuse. Options not given are read from agentfix.toml and AGENTFIX_... variables.
    """
    for several in ("critics", "tools", "policy"):
        arguments[several] = arguments[several] or None
    settings = with_plugins(load_settings(arguments), named)
    if settings.work_dir is None:
        settings = settings.model_copy(update={"work_dir": _here()})
    if fork is not None:
        if question is not None or file is not None or tests is not None or images:
            raise InputError("A fork answers the question of the run it begins as.",
                             "Leave out QUESTION, --file, --tests and --image.")
        start = _forking(fork, {name: value for name, value in arguments.items() if value is not None})
        return follow(context, settings, start, as_json=as_json, quiet=quiet)
    pictures = tuple(read_image(image) for image in images)
    start = _asking(Task(read_question(question, file), settings.kind, read_checks(tests), images=pictures))
    follow(context, settings, start, as_json=as_json, quiet=quiet, prepare=lambda: _prepare(context, settings))


def _here() -> Path:
    """The current folder."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise InputError("The current folder is not there any more.", "Change into another, or set work_dir.") from None


def _asking(task: Task) -> Start:
    async def start(agent: Any, this: Following) -> None:
        async for event in agent.astream(task):
            this.show(event)

    return start


def _forking(fork: str, changes: dict[str, Any]) -> Start:
    name, at, step = fork.rpartition("@")
    if not at or not step.isdecimal():
        raise InputError(f"{fork!r} is no RUN@STEP.", "See the steps of a run: agentfix runs show RUN")

    async def start(agent: Any, this: Following) -> None:
        from agentfix.cli.runs import full_name  # noqa: PLC0415 - loads the journal

        await agent.afork(await full_name(agent, name), int(step), on_event=this.show, **changes)

    return start


def _prepare(context: click.Context, settings: Settings) -> None:
    from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
    from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins
    from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - the same

    if settings.kind.partition(":")[0] == "qa" or "corpus_search" in settings.tools:
        index_corpus(settings)
    fetch_models(settings)
    context.with_resource(loaded_model(settings))
