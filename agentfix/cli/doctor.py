"""`agentfix doctor`: what works here, what is missing, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from agentfix.cli.visible import one_line
from agentfix.doctor import checks, examine, unmet
from agentfix.doctor.finding import Finding, State
from agentfix.settings import load_settings

_COLOURS: dict[State, str] = {"ok": "green", "missing": "yellow", "broken": "red", "optional": "cyan"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what works here, what is missing, and how to mend it.

    Exit status 0 when questions can be answered with a local model, 1 otherwise.
    """
    findings = examine(checks(load_settings()))
    lacking = unmet(findings)
    if as_json:
        told = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"can_run": not lacking, "findings": told}, indent=2))
    else:
        _print(findings)
        click.echo(f"Mend first: {', '.join(lacking)}." if lacking else "agentfix can answer questions here.")
    context.exit(1 if lacking else 0)


def _print(findings: Sequence[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        state = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state])
        click.echo(f"{state}  {finding.name:{width}}  {one_line(finding.detail)}")
        if finding.mend:
            click.echo(f"{'':8}  {'':{width}}  -> {one_line(finding.mend)}")
