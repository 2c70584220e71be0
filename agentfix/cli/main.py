"""The `agentfix` command: finds the subcommand, runs it, and turns errors into one line and an exit status.

Subcommands are imported when they are run, so that `agentfix --help` loads click only.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from agentfix.cli.visible import one_line
from agentfix.errors import AgentFixError

STOPPED = 130
"""Exit status after Ctrl-C, as shells have it."""

_PLUGINS = "plugins"
"""Stands for the home of a command that a first-party plugin brings: it is listed, and found like a stranger's."""
_COMMANDS = {
    "repl": ("agentfix.repl.command:repl", "Talk: ask, watch, object, go back, compare."),
    "run": ("agentfix.cli.run:run", "Answer a question, check the answer with tools, and fix it."),
    "batch": ("agentfix.cli.batch:batch", "Answer a file of tasks, on one machine or many."),
    "resume": ("agentfix.cli.resume:resume", "Go on with a run that was cut off."),
    "replay": ("agentfix.cli.replay:replay", "Watch a run once more; nothing is asked."),
    "runs": ("agentfix.cli.runs:runs", "List, show and remove runs."),
    "view": ("agentfix.view.command:view", "Look at runs and evaluations in a browser, or write them into one file."),
    "serve": ("agentfix.server.command:serve", "Serve checked answers through an OpenAI-compatible API."),
    "memory": ("agentfix.cli.memory:memory", "Show and forget what strategies remember of earlier runs."),
    "eval": ("agentfix.cli.eval:eval_", "Run a file of tasks through strategies and compare them."),
    "datasets": ("agentfix.cli.datasets:datasets", "List data sets, and fetch those that are published."),
    "eval-critic": ("agentfix.cli.eval_critic:eval_critic", "Have recorded answers judged by critics and compare "
                    "them."),
    "export": ("agentfix.cli.export:export", "Make training data of what runs proved."),
    "pushback": ("agentfix.cli.pushback:pushback", "Measure how often an answer is given up under an objection."),
    "corpus": (_PLUGINS, "Search your own files: add, list, rm, search."),
    "fit-abstention": (_PLUGINS, "Find the confidence from which on to answer, from an evaluation."),
    "auto": (_PLUGINS, "Teach the strategy `auto` from an evaluation."),
    "mcp": (_PLUGINS, "Serve solve and verify to MCP clients."),
    "models": ("agentfix.cli.models:models", "List, fetch and remove local models."),
    "sandbox": ("agentfix.cli.sandbox:sandbox", "Build sandbox images, and run programs in a sandbox."),
    "doctor": ("agentfix.cli.doctor:doctor", "Say what works here, what is missing, and how to mend it."),
    "plugins": ("agentfix.cli.plugins.group:plugins", "List, make, check and switch plugins."),
    "strategies": ("agentfix.cli.parts:strategies", "List strategies."),
    "critics": ("agentfix.cli.parts:critics", "List critics."),
    "kinds": ("agentfix.cli.parts:kinds", "List kinds of tasks."),
    "tools": ("agentfix.cli.tools:tools", "List tools."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it. Plugins are asked for other names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _COMMANDS.get(cmd_name, (_PLUGINS,))[0]
        if home != _PLUGINS:
            module, _, attribute = home.partition(":")
            return getattr(import_module(module), attribute)
        if cmd_name not in _COMMANDS and (ctx.resilient_parsing or cmd_name.startswith("-")):
            return None
        from agentfix.cli.plugged import plugin_command  # noqa: PLC0415 - plugins and settings take a while to load
        from agentfix.plugins import Plugins  # noqa: PLC0415
        from agentfix.settings import load_settings  # noqa: PLC0415

        own = (name for name, (home, _) in _COMMANDS.items() if home != _PLUGINS)
        return plugin_command(cmd_name, Plugins(load_settings()), own)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, short_help) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="agentfix", prog_name="agentfix")
def cli() -> None:
    """Answers from language models, checked with tools, returned with the evidence that supports them."""


def main(argv: Sequence[str] | None = None, *, make_agent: Any = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: the arguments; the process's own when None.
        make_agent: stands in for `Agent` in commands that run one; for tests and embedding.

    Returns:
        0; for an `AgentFixError` its `exit_status`; 2 for misuse; 130 after Ctrl-C; else what the command says.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an answer may hold what the terminal's encoding has not
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments and sys.stdin.isatty() and sys.stdout.isatty():
        arguments = ["repl"]
    try:
        status = cli.main(arguments, prog_name="agentfix", standalone_mode=False, obj=make_agent)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code, hint=_usage_hint(error))
    except AgentFixError as error:
        return _complain(str(error), error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        return _complain("stopped.", STOPPED)
    except BrokenPipeError:
        # Python flushes standard output once more at exit; there must be somewhere for it to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _complain(f"standard output can't be written: {error.strerror}.", 1)
    return status if isinstance(status, int) else 0


def _complain(message: str, status: int, hint: str = "") -> int:
    click.echo(f"agentfix: {one_line(f'{message} {hint}')}", err=True)
    return status


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"Try '{context.command_path} --help'." if context is not None else ""
