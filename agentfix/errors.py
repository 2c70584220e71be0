"""Every error agentfix raises on purpose.

    AgentFixError                  anything below; carries `hint`, what to do next
    ├── UsageError                 the caller's mistake (exit status 2)
    │   ├── ConfigError            a setting or settings file is wrong
    │   ├── UnknownNameError       no model, tool, critic, strategy, kind or sandbox of that name
    │   └── InputError             a question or file that can't be used
    │       ├── RunUnderWayError     another process, or another call, is at work on the run
    │       └── ContaminationError   items of a data set stand in what models are shown
    ├── PluginError                a plugin broke its contract; names the plugin
    │   ├── DuplicateNameError     two plugins register one name
    │   └── PluginLoadError        a plugin can't be imported
    ├── ModelError                 a model could not answer
    │   ├── ModelUnavailableError  not installed, not downloaded, corrupt, or not reachable
    │   ├── ModelReplyError        it answered, but not as its protocol demands
    │   ├── BlindModelError        it can't see images
    │   ├── ContextOverflowError   the prompt does not fit its context
    │   └── ModelDeniedError       a plugin forbids the call
    ├── CatalogueError             a model file could not be fetched or verified
    ├── DataSetError               a data set could not be fetched, or is not what was published
    ├── SandboxError               the sandbox itself failed, never the program in it
    │   ├── SandboxUnavailableError  no engine, no permission, no image
    │   │   └── IsolationError     asked-for isolation that is not there
    │   ├── SandboxBusyError       every place for programs is taken, and none came free in time
    │   ├── SandboxFileError       a file can't be put into a sandbox or taken out of it
    │   └── SandboxLostError       the sandbox died under a program
    ├── JournalError               the journal can't be read or written
    ├── CallInDoubtError           a call with side effects was begun, and nobody knows whether it happened
    └── RecordingError             a recording can't be read, or does not hold what is asked of it

    ToolError                      stands apart: a message from a tool to the model
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_FEW_NAMES = 12
"""More than these are hard to read in one line."""


class AgentFixError(Exception):
    """Something went wrong that a person can act on.

    Args:
        message: what happened, and to what, in one sentence.
        hint: what to do next; may be empty.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(AgentFixError):
    """The caller's mistake."""

    exit_status = 2


class ConfigError(UsageError):
    """A setting or a settings file is wrong."""


class InputError(UsageError):
    """A question or file that can't be used."""


class RunUnderWayError(InputError):
    """Another process, or another call in this one, is at work on the run: it can be waited for."""


class ContaminationError(InputError):
    """Items of a data set stand in prompts, examples, tool descriptions or lessons: memory would be measured."""


class UnknownNameError(UsageError):
    """No part of that kind has that name; suggests the nearest one, and how to see all.

    Args:
        part: what was looked for, such as `strategy`.
        name: the name given.
        known: the names there are.
        listed_by: the command that lists them, if there is one: many names are left to it.
    """

    def __init__(self, part: str, name: str, known: Iterable[str], *, listed_by: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names) or 'none'}."
        if listed_by and (near or len(names) > _FEW_NAMES):
            hint = f"{hint if near else ''} See all of them with: {listed_by}".strip()
        super().__init__(f"There is no {part} named {name!r}.", hint)
        self.part = part
        self.name = name


class PluginError(AgentFixError):
    """A plugin broke its contract.

    Args:
        plugin: its name.
        message: what it did.
    """

    def __init__(self, plugin: str, message: str, hint: str = "") -> None:
        super().__init__(f"Plugin {plugin!r}: {message}", hint)
        self.plugin = plugin


class DuplicateNameError(PluginError):
    """Two plugins register one name."""


class PluginLoadError(PluginError):
    """A plugin can't be imported."""


class ModelError(AgentFixError):
    """A model could not answer."""


class ModelUnavailableError(ModelError):
    """Not installed, not downloaded, corrupt, or not reachable."""


class ModelReplyError(ModelError):
    """The model answered, but not as its protocol demands."""


class BlindModelError(ModelError):
    """The model can't see images, and is shown some."""


class ContextOverflowError(ModelError):
    """The prompt does not fit the model's context."""


class ModelDeniedError(ModelError):
    """A plugin forbids a model call.

    Args:
        plugin: which.
        reason: as it says.
    """

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"Plugin {plugin!r} forbids asking the model: {reason}", "Ask otherwise, or disable it.")


class CatalogueError(AgentFixError):
    """A model file could not be fetched or verified."""


class DataSetError(AgentFixError):
    """A data set could not be fetched, or is not what was published."""


class SandboxError(AgentFixError):
    """The sandbox itself failed, never the program in it."""


class SandboxUnavailableError(SandboxError):
    """No engine, no permission, no image."""


class IsolationError(SandboxUnavailableError):
    """Asked-for isolation that is not there: programs are not run with less of it."""


class SandboxBusyError(SandboxError):
    """Every place for programs is taken, and none came free in time."""


class SandboxFileError(SandboxError):
    """A file can't be put into a sandbox or taken out of it."""


class SandboxLostError(SandboxError):
    """The sandbox died under a program."""


class JournalError(AgentFixError):
    """The journal can't be read or written."""


class CallInDoubtError(AgentFixError):
    """A call with side effects was begun, and nobody knows whether it happened."""


class RecordingError(AgentFixError):
    """A recording can't be read, or does not hold what is asked of it."""


FOR_ALL = (ConfigError, ModelUnavailableError, UnknownNameError)
"""What goes wrong for one task goes wrong for every other that is asked with the same settings."""


class ToolError(Exception):
    """A message from a tool to the model: the call was wrong, or had no result. Never ends a run.

    Args:
        message: what the model should read.
        status: a word for the observation's status, `error` unless told.
    """

    def __init__(self, message: str, status: str = "error") -> None:
        super().__init__(message)
        self.status = status
