"""`agentfix corpus add | list | rm | search`: the user's own files."""

from __future__ import annotations

import click

corpus = click.Group("corpus", help="Search your own files.")
