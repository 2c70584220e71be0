"""`agentfix batch`: a file of tasks, answered on one machine or many."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import aclosing, redirect_stdout, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from agentfix.cli.batch_watch import Watch, summary, watcher
from agentfix.cli.plugins.option import journal_option, plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.cli.writing import require_other
from agentfix.errors import ConfigError
from agentfix.settings import Settings, load_settings
from agentfix.types import EvidenceClass

if TYPE_CHECKING:
    from agentfix.batch import Batch, Engine

STOPPED = 130
INTERRUPTED = "interrupted"
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Answer a file of tasks, on one machine or many.")
@click.argument("file", type=_PATH)
@click.option("--output", type=_PATH, required=True, help="Add each result to this file of JSON lines as it is "
              "finished, and leave out the tasks whose result it holds already.")
@click.option("--engine", "engine_name", type=click.Choice(["local", "ray"]), default="local", show_default=True,
              help="This process, or workers that Ray keeps.")
@click.option("--workers", type=click.IntRange(1), help="How many processes, with --engine ray; one for each core "
              "unless told, and one for each machine with a local model.")
@click.option("--ray-address", envvar="RAY_ADDRESS", default="", help="The Ray cluster, as HOST:PORT of its head, or "
              "auto for the one that this machine is a node of; RAY_ADDRESS is read too. Without one Ray is started on "
              "this machine.")
@click.option("--concurrency", type=click.IntRange(1, 1024), help="How many tasks are answered at once by a process; 8 "
              "with a local model and 4 with others unless told.")
@click.option("--max-tokens-total", type=click.IntRange(0), help="Tokens read and written for all tasks; when they are "
              "used up, runs under way end and no more are begun.")
@click.option("--max-cost-total", type=click.FloatRange(0), help="Money for all tasks, in the same way.")
@click.option("--model", help="The model that answers, as backend:name.")
@click.option("--critic-model", help="The model that criticises; the answering one unless told.")
@click.option("--critic", "critics", multiple=True, help="Ask this critic too; may be given several times.")
@click.option("--tool", "tools", multiple=True, help="The model may act with this tool; may be given several times.")
@click.option("--strategy", help="What to do next, and when to stop, as name or name:argument.")
@click.option("--kind", help="The sort of those tasks that do not say; found out unless told.")
@click.option("--corpus", help="What corpus_search searches: a corpus by name, or a file or folder by its path.")
@click.option("--sandbox", help="Where programs run.")
@click.option("--require", type=click.Choice([c.label for c in EvidenceClass]),
              help="The class of evidence from which an answer counts as supported.")
@click.option("--max-rounds", type=int, help="How often the model is asked for each task, at most.")
@click.option("--max-tokens", type=int, help="Tokens for each task, at most.")
@click.option("--max-seconds", type=float, help="Seconds for each task, at most.")
@click.option("--max-cost", type=float, help="Money for each task, at most.")
@click.option("--seed", type=int, help="Where chance starts from.")
@journal_option
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end instead of a line.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def batch(context: click.Context, file: Path, output: Path, engine_name: str, workers: int | None, ray_address: str,
          concurrency: int | None, max_tokens_total: int | None, max_cost_total: float | None, named: tuple[str, ...],
          as_json: bool, quiet: bool, **arguments: Any) -> None:
    """Answer the tasks of FILE, each once, and add the results to a file.

    FILE holds one JSON object a line, or is a CSV file: {"question": ...}, and if you like id, kind, checks, context,
    schema, images. A result is what `agentfix run --json` prints, with the task's id. The same command goes on where
    it was stopped or killed, and tries again what failed.

    Exit status: 0 when every task has a result, 1 when some failed or were left, 130 after Ctrl-C.
    """
    from agentfix.batch import Batch, Limits, read_tasks  # noqa: PLC0415 - loads more than help needs
    from agentfix.cli.prices import require_prices  # noqa: PLC0415
    from agentfix.plugins import Plugins  # noqa: PLC0415

    for several in ("critics", "tools"):
        arguments[several] = arguments[several] or None
    settings = with_plugins(load_settings(arguments), named)
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    limits = Limits(max_tokens_total, max_cost_total)
    if max_cost_total is not None:
        require_prices(settings, "--max-cost-total")
    require_other(output, file)
    tasks = read_tasks(file, settings, {kind.name for kind in plugins.names("kind")})
    with Batch(tasks, settings, output=output, limits=limits) as work:
        if work.left:
            engine = _engine(context, settings, engine_name, workers, concurrency, ray_address)
            with watcher(work, quiet=quiet) as watch:
                _run(work, engine, watch)
        told = summary(work)
        click.echo(json.dumps({**asdict(told), "output": str(output)}) if as_json else one_line(str(told)))
        if work.stopped:
            click.echo(f"agentfix: {_why(work.stopped)}", err=True)
        context.exit(STOPPED if work.stopped == INTERRUPTED else bool(work.left or work.tally.failed))


def _engine(context: click.Context, settings: Settings, name: str, workers: int | None, concurrency: int | None,
            address: str) -> Engine:
    from agentfix.batch import LocalEngine  # noqa: PLC0415 - loads the graph machine

    if name == "local":
        told = context.get_parameter_source("ray_address") is ParameterSource.COMMANDLINE
        for option, given in (("--workers", workers is not None), ("--ray-address", told)):
            if given:
                raise click.UsageError(f"{option} needs --engine ray: the local engine is one process.", context)
        if context.obj is not None:
            return LocalEngine(settings, concurrency=concurrency, make_agent=context.obj)
        _prepare(context, settings, loaded=True)
        return LocalEngine(settings, concurrency=concurrency)
    try:
        from agentfix.batch.ray import RayEngine  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise ConfigError("--engine ray needs Ray.", "Install it with: pip install 'agentfix[ray]'") from error
    _prepare(context, settings, loaded=False)
    _warn_of_memory(settings, workers)
    return RayEngine(settings, workers=workers, concurrency=concurrency, address=address)


def _prepare(context: click.Context, settings: Settings, *, loaded: bool) -> None:
    """Have on this machine what is to be fetched, indexed or loaded before the first task."""
    from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
    from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins
    from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - the same

    if settings.kind.partition(":")[0] == "qa" or "corpus_search" in settings.tools:
        index_corpus(settings)
    fetch_models(settings)
    if loaded:
        context.with_resource(loaded_model(settings))


def _warn_of_memory(settings: Settings, workers: int | None) -> None:
    """Say so where several workers are to load a model each that they have no memory for."""
    from agentfix.cli.fetching import local_name  # noqa: PLC0415 - loads the HTTP client
    from agentfix.models.catalog import open_catalogue  # noqa: PLC0415
    from agentfix.models.llamacpp.host import free_memory  # noqa: PLC0415

    name, free = local_name(settings.model), free_memory()
    place = None if name is None or workers is None else open_catalogue(settings).locate(name)
    if place is None or workers is None or free is None or workers * place.stat().st_size <= free:
        return
    click.echo(f"agentfix: {workers} workers load {one_line(str(name))} each, "
               f"{workers * place.stat().st_size / 2**30:.1f} GB, and {free / 2**30:.1f} GB of memory are free here.",
               err=True)


def _run(work: Batch, engine: Engine, watch: Watch) -> None:
    # Nothing is printed until the end, whatever Ray has to say about workers that died.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), \
            suppress(asyncio.CancelledError):
        asyncio.run(_go(work, engine, watch))


async def _go(work: Batch, engine: Engine, watch: Watch) -> None:
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None

    def interrupt() -> None:
        if work.stopped:
            this.cancel()
            return
        work.stop(INTERRUPTED)
        watch.say(f"{work.under_way} runs under way end first. Ctrl-C again stops them: they go on next time.")

    def terminate() -> None:
        work.stop(INTERRUPTED)
        this.cancel()

    with suppress(NotImplementedError):  # Windows: Ctrl-C stops at once
        loop.add_signal_handler(signal.SIGINT, interrupt)
        loop.add_signal_handler(signal.SIGTERM, terminate)
    async with aclosing(work.run(engine, watch.say)) as lines:
        async for line in lines:
            watch.show(line)


def _why(stopped: str) -> str:
    if stopped == INTERRUPTED:
        return "stopped. The same command goes on from here."
    return f"the limit of {stopped} for all tasks is used up. The same command with a higher one goes on from here."
