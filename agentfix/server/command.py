"""`agentfix serve`: an OpenAI-compatible API whose answers are checked."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import click

from agentfix.cli.plugins.option import plugin_option, with_plugins
from agentfix.errors import ConfigError
from agentfix.settings import Settings, load_settings

MAX_SECONDS = 600.0


@click.command(short_help="Serve checked answers through an OpenAI-compatible API.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="A model that may be asked for; may be given "
              "several times, the usual one first. Clients ask for NAME, or STRATEGY/NAME.")
@click.option("--strategy", help="What to do for a NAME without one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to serve. Others than this machine's own "
              "address need --api-key or --keys.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 for any that is free.")
@click.option("--api-key", "key_names", multiple=True, metavar="NAME", help="Name of the environment variable, or of "
              "the keyring's entry, that holds a key which clients must show; may be given several times.")
@click.option("--keys", "keys_file", type=click.Path(path_type=Path), metavar="FILE", help="TOML with a table for each "
              "key: key = \"NAME\", requests_per_minute, tokens_per_day, cost_per_day.")
@click.option("--max-seconds", type=click.FloatRange(min=1), help="How long a request may take; "
              f"{MAX_SECONDS:g} unless told.")
@plugin_option
@click.pass_context
def serve(context: click.Context, models: tuple[str, ...], strategy: str | None, host: str, port: int,
          key_names: tuple[str, ...], keys_file: Path | None, max_seconds: float | None,
          named: tuple[str, ...]) -> None:
    """Serve an OpenAI-compatible API: change a client's base URL, and its answers are checked.

    Models, limits and everything else are read from agentfix.toml and AGENTFIX_... variables too. Ctrl-C or SIGTERM
    ends it, once more at once; runs that have not ended by then can be resumed.
    """
    given: dict[str, Any] = {"model": models[0] if models else None, "strategy": strategy, "max_seconds": max_seconds}
    settings = with_plugins(load_settings(given), named)
    if settings.max_seconds is None:
        settings = settings.model_copy(update={"max_seconds": MAX_SECONDS})
    served = models or (settings.model,)
    try:
        from agentfix.server.application import Api  # noqa: PLC0415 - loads optional packages
        from agentfix.server.keys import load_keys  # noqa: PLC0415
        from agentfix.server.serving import listen, serve  # noqa: PLC0415
        from agentfix.server.spending import SpendingFile  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("The server needs starlette, uvicorn and prometheus-client.",
                          "Install them with: pip install 'agentfix[serve]'") from error
    spending = SpendingFile(settings.data_dir / "spending.sqlite")
    keys = load_keys(key_names, keys_file, spending)
    listener = listen(host, port, guarded=keys.needed)

    async def serving() -> None:
        agent: AbstractAsyncContextManager[Any] = (context.obj or _agent)(settings)
        async with agent as opened:
            api = Api(opened, served, keys)
            click.echo(f"Serving {_address(listener)}; Ctrl-C ends it.")
            await serve(api, listener)
        for run in api.desk.unfinished:
            click.echo(f"Run {run} has not ended. Go on with it: agentfix resume {run}")

    _log_to_stderr()
    with listener, closing(spending):
        if context.obj is None:
            _prepare(context, settings, served)
        asyncio.run(serving())


def _address(listener: Any) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


def _log_to_stderr() -> None:
    """Have what goes wrong told: nobody else listens to the log of this process."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("agentfix").addHandler(handler)


def _agent(settings: Settings) -> AbstractAsyncContextManager[Any]:
    from agentfix.agent import Agent  # noqa: PLC0415 - loads the graph machine

    return Agent(settings)


def _prepare(context: click.Context, settings: Settings, models: tuple[str, ...]) -> None:
    """Have local models there, and the usual one loaded, before anybody asks."""
    from agentfix.cli.fetching import fetch_models  # noqa: PLC0415 - loads the HTTP client
    from agentfix.cli.loading import loaded_model  # noqa: PLC0415 - loads plugins

    for model in models:
        fetch_models(settings.model_copy(update={"model": model}))
    context.with_resource(loaded_model(settings))
