"""`agentfix eval`: a data set through strategies, with a table of what the correction gained and at what price."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentfix.cli.eval_guard import contaminated_option, guarded
from agentfix.cli.eval_watch import watcher
from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.cli.visible import one_line
from agentfix.cli.writing import require_other, require_writable
from agentfix.errors import AgentFixError
from agentfix.settings import load_settings

if TYPE_CHECKING:
    from agentfix.cli.eval_work import Work
    from agentfix.evals import Record

STOPPED = 130
_PATH = click.Path(path_type=Path)


@click.command("eval", short_help="Run a file of tasks through strategies and compare them.")
@click.argument("file", required=False)
@click.option("--compare", type=click.Path(path_type=Path, dir_okay=False), nargs=2, metavar="RUN_A RUN_B",
              help="Run nothing: compare two files of --output, item by item.")
@click.option("--strategy", "strategies", multiple=True, help="May be given several times; the configured one unless "
              "told. An argument follows a colon: self-consistency:5.")
@click.option("--baselines/--no-baselines", default=True, help="Run self-consistency and best-of-n at the price of "
              "each strategy that is no baseline itself, item by item, and compare. On unless told.")
@click.option("--limit", type=click.IntRange(1), help="How many items are run; all unless told.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many items are left out at the start.")
@click.option("--repeats", type=click.IntRange(1), default=1, help="How often each item is run, each time with "
              "another seed.")
@click.option("--concurrency", type=click.IntRange(1, 256), help="How many items are run at once; 8 with a local "
              "model and 4 with others unless told.")
@click.option("--seed", type=int, help="Where chance starts from; each item adds its row.")
@click.option("--deterministic", is_flag=True, default=None, help="Have a local model compute each request alone: "
              "slower, and the same table to the bit however many items are run at once.")
@click.option("--model", help="The model, as backend:name.")
@click.option("--tool", "tools", multiple=True, help="What the model may use where it acts; may be given "
              "several times.")
@click.option("--corpus", help="What corpus_search searches: a corpus by name, or a file or folder by its path.")
@click.option("--sandbox", help="Where programs run, those that are judged too.")
@plugin_option
@contaminated_option
@click.option("--format", "format_name", help="Which data set's rows the file holds; its name says so unless told.")
@click.option("--data-dir", type=_PATH, help="The folder of data sets that are given by name only.")
@click.option("--output", type=_PATH, help="Append each finished item to this file of JSON lines, and leave out the "
              "items it holds already.")
@click.option("--equal-tokens", is_flag=True, help="self-consistency and best-of-n that are listed draw as many "
              "answers as the completion tokens of the first strategy pay for, item by item; retrieval as many as all "
              "its tokens do.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write accuracy against tokens, and risk "
              "against coverage, to this SVG file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def eval_(context: click.Context, file: str | None, compare: tuple[Path, Path] | None, strategies: tuple[str, ...],
          baselines: bool, limit: int | None, offset: int, repeats: int, concurrency: int | None,
          format_name: str | None, data_dir: Path | None, output: Path | None, equal_tokens: bool, plot: Path | None,
          as_json: bool, quiet: bool, skip_contaminated: bool, named: tuple[str, ...], **arguments: Any) -> None:
    """Run the tasks of FILE, and compare results with first attempts and with sampling at the same price.

    FILE holds one JSON object a line, or is a CSV file. It is a path, or the name of a file in --data-dir or of a data
    set that was fetched. Known by name: those of `agentfix datasets list`; any other file needs the fields question and
    answer. Ctrl-C prints what is finished.
    """
    if compare is not None:
        if file is not None:
            raise click.UsageError("--compare runs nothing: leave out FILE.", context)
        _compare(compare, strategies, arguments["seed"], as_json=as_json)
        return
    if file is None:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    from agentfix.cli.eval_work import Work  # noqa: PLC0415 - loads more than help needs
    from agentfix.evals import lineup, load  # noqa: PLC0415
    from agentfix.plugins import Plugins  # noqa: PLC0415

    arguments["tools"] = arguments["tools"] or None
    arguments["memory"] = False  # what a strategy learnt from one item must not help with the next
    settings = with_plugins(load_settings(arguments), named)
    plugins = Plugins(settings)
    for info in plugins.problems():
        click.echo(f"agentfix: {one_line(info.problem)}", err=True)
    if plot is not None:
        for source in filter(None, (Path(file), output)):
            require_other(plot, source)
        require_writable(plot)
    items = load(file, plugins, data_dir=data_dir, pulled_dir=settings.datasets_dir, format_name=format_name,
                 offset=offset, limit=limit)
    contenders = lineup(tuple(dict.fromkeys(strategies)) or (settings.strategy,), equal_tokens=equal_tokens,
                        baselines=baselines)
    for contender in contenders:  # what is none is said before a model is fetched, and not once for each item
        plugins.build("strategy", *contender.strategy.partition(":")[::2])
    items = guarded(items, plugins, skip_contaminated=skip_contaminated)
    work = Work(Path(file).stem, items, contenders, settings, plugins, equal_tokens, repeats, concurrency, plot)
    append = work.resume(output)
    if context.obj is None and len(work.records) < work.runs:
        _prepare(context, work)
    _run(context, work, append, as_json=as_json, quiet=quiet)


def _compare(files: tuple[Path, Path], strategies: tuple[str, ...], seed: int | None, *, as_json: bool) -> None:
    from agentfix.cli.eval_compare import compare  # noqa: PLC0415 - loads more than help needs

    compare(files, strategies, seed=seed or 0, as_json=as_json)


def _prepare(context: click.Context, work: Work) -> None:
    """Have what is to be loaded or indexed at hand before the first item."""
    from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
    from agentfix.cli.indexing import index_corpus  # noqa: PLC0415 - loads plugins
    from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - the same

    index_corpus(work.settings)
    fetch_models(work.settings)
    context.with_resource(loaded_model(work.settings))


def _run(context: click.Context, work: Work, append: Any, *, as_json: bool, quiet: bool) -> None:
    stopped = False
    with watcher(work.runs, work.names, quiet=quiet) as watch:
        for record in work.records:
            watch(record)

        def keep(record: Record) -> None:
            append(record)
            watch(record)

        try:
            asyncio.run(work.go(context.obj, keep))
        except KeyboardInterrupt:
            stopped = True
        except AgentFixError:
            if work.records:
                work.report(as_json=as_json)
            raise
    work.report(as_json=as_json)
    if stopped:
        click.echo("agentfix: stopped; the table holds what was finished.", err=True)
        context.exit(STOPPED)
