"""The option `--journal`, for every command that keeps runs or looks at them."""

from __future__ import annotations

import click

journal_option = click.option(
    "--journal", metavar="file|memory|file-or-memory|URL",
    help="Where runs are kept: in the data folder's file, nowhere but in memory, there only when the file can't be "
         "written, or in the database postgresql://USER@HOST/DATABASE.")
