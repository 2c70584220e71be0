"""`agentfix plugins check`: what every plugin must do alike, tried on one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from agentfix.cli.visible import one_line

if TYPE_CHECKING:
    from agentfix.testing.checks.running import Line

_WORDS = {"ok": "ok", "failed": "FAILED", "warning": "warning", "skipped": "skipped"}


@click.command()
@click.argument("target")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1, 600), default=5.0, show_default=True,
              help="Seconds that one call may take.")
@click.option("--verbose", "-v", is_flag=True, help="Show the checks that passed too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(context: click.Context, target: str, timeout_s: float, verbose: bool, as_json: bool) -> None:
    """Check TARGET: an installed plugin's name, a file, a folder, or a module.

    Its tools are called with made-up arguments in a process of their own, and an act that succeeds is undone where they
    say that they can. No network is given to them. They read the folders that they declare; what they would write
    there, or anywhere outside a scratch folder, is stopped as far as Python sees it; native code and the programs that
    they start are not seen and may write. Exit status: 1 when a check failed.
    """
    from agentfix.testing.checks.supervising import check_target  # noqa: PLC0415 - loads the JSON schema library

    lines: list[Line] = []
    for line in check_target(target, timeout_s=timeout_s):
        lines.append(line)
        if not as_json and (verbose or line.status != "ok"):
            click.echo(_told(line))
    counts = Counter(line.status for line in lines)
    if as_json:
        click.echo(json.dumps({"target": target, "passed": not counts["failed"],
                               "checks": [asdict(line) for line in lines]}, indent=2))
    else:
        others = (f"{counts[word]} {word}" for word in ("failed", "warning", "skipped") if counts[word])
        click.echo(", ".join((f"{counts['ok']} checks passed", *others)) + ".")
    context.exit(1 if counts["failed"] else 0)


def _told(line: Line) -> str:
    detail = f": {one_line(line.detail)}" if line.detail else ""
    return f"{one_line(line.subject)}: {line.check}: {_WORDS[line.status]}{detail}"
