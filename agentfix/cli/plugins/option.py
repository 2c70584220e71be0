"""The options `--plugin`, for commands that use parts, and `--journal`, for those that keep or show runs."""

from __future__ import annotations

import click

from agentfix.settings import Settings

plugin_option = click.option(
    "--plugin", "named", multiple=True, metavar="FILE|FOLDER|MODULE",
    help="Use this plugin too, which need not be installed; may be given several times.")

journal_option = click.option(
    "--journal", metavar="file|memory|file-or-memory|URL",
    help="Where what happens is kept; URL is postgresql://USER@HOST/DATABASE.")


def with_plugins(settings: Settings, named: tuple[str, ...]) -> Settings:
    """The settings, with plugins that were named besides theirs."""
    return settings.model_copy(update={"plugins": (*settings.plugins, *named)}) if named else settings
