"""`agentfix plugins enable | disable`: written into agentfix.toml, whose comments stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click
import tomlkit

from agentfix.errors import ConfigError, UnknownNameError
from agentfix.plugins import Plugins
from agentfix.settings import load_settings, settings_path


@click.command()
@click.argument("name")
def enable(name: str) -> None:
    """Use plugin NAME again: take it off `disabled_plugins` in agentfix.toml.

    Where agentfix.toml has a list `enabled_plugins`, put it onto that.
    """
    _switch(name, on=True)


@click.command()
@click.argument("name")
def disable(name: str) -> None:
    """Leave plugin NAME out from now on: put it onto `disabled_plugins` in agentfix.toml."""
    _switch(name, on=False)


def _switch(name: str, *, on: bool) -> None:
    before = load_settings()
    known = {each.name for each in Plugins(before).infos()}
    if name not in {*known, *before.disabled_plugins}:
        raise UnknownNameError("plugin", name, known)
    path = settings_path()
    text, is_new = _read(path)
    document = tomlkit.parse(text)
    changed = [_list(document, "disabled_plugins", name, wanted=not on)]
    if on and "enabled_plugins" in document:
        changed.append(_list(document, "enabled_plugins", name, wanted=True))
    if any(changed):
        _write(path, tomlkit.dumps(document))
    click.echo(f"Plugin {name!r} is {'used' if on else 'left out'}{'' if any(changed) else ' already'}: {path}.")
    if is_new and (path.parent / "plugins").is_dir():
        click.echo(f"The file is new, so from now on the folder {path.parent / 'plugins'} is a folder of plugins.")
    after = load_settings()
    left_out = name in after.disabled_plugins or (
        after.enabled_plugins is not None and name not in after.enabled_plugins)
    if on and left_out:
        click.echo("agentfix: a variable in the environment still leaves it out.", err=True)


def _list(document: tomlkit.TOMLDocument, key: str, name: str, *, wanted: bool) -> bool:
    """Have a list hold a name, or not. Returns whether it had to be changed."""
    names = cast(Any, document.get(key))
    if names is None:
        if wanted:
            document.add(key, tomlkit.item([name]))
        return wanted
    if (name in names) == wanted:
        return False
    if wanted:
        names.append(name)
    else:
        names.remove(name)
    return True


def _read(path: Path) -> tuple[str, bool]:
    """The file's text, and whether there is no such file yet."""
    try:
        return path.read_text(encoding="utf-8"), False
    except FileNotFoundError:
        return "", True
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}.", "Make it writable.") from error
