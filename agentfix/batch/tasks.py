"""The tasks of a batch: read from a file of rows, and the runs they are named after."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from referencing import Registry
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from agentfix.agent.header import KEPT, LIMITS
from agentfix.batch.engine import Job
from agentfix.checks import checks_in
from agentfix.cli.images import read_image
from agentfix.errors import InputError, UnknownNameError
from agentfix.rows import digest_of, read_rows
from agentfix.settings import Settings
from agentfix.types import Task

_BATCH_CHARACTERS = 8
_WITHOUT_SCHEMA = ("code", "math", "qa", "text")
"""Kinds whose answers are not JSON."""
_WITHOUT_CHECKS = ("qa",)
"""Kinds that do not ask the critic `tests`."""
_HINT = "Each line is an object with a question and, if you like, id, kind, checks, context, schema and images."


@dataclass(frozen=True, slots=True)
class BatchTask:
    """A task, and what it is called in the output."""

    id: str
    task: Task


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str | int | None = None
    question: str
    kind: str = ""
    checks: str | list[str] = Field(default_factory=list[str])
    context: str = ""
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    images: str | list[str] = Field(default_factory=list[str])

    @field_validator("question")
    @classmethod
    def _asked(cls, question: str) -> str:
        if not question.strip():
            raise PydanticCustomError("empty", "it is empty")
        return question.strip()

    @field_validator("id")
    @classmethod
    def _named(cls, name: str | int | None) -> str | int | None:
        if isinstance(name, str) and not name.strip():
            raise PydanticCustomError("empty", "it is empty; leave it out, and the task is called by its row")
        return name

    @field_validator("schema_", mode="before")
    @classmethod
    def _cell(cls, schema: object) -> object:
        if not isinstance(schema, str):
            return schema
        try:
            return json.loads(schema)
        except ValueError as error:
            raise PydanticCustomError("json", "not JSON") from error


_FIELDS = tuple(field.alias or name for name, field in _Row.model_fields.items())


def read_tasks(file: Path, settings: Settings, kinds: Collection[str]) -> list[BatchTask]:
    """Read a file of tasks: an object with a question on each line, or CSV. A row without an id is called by its line.

    Args:
        file: pictures that rows name are found from its folder.
        settings: what kind a task is of whose row does not say.
        kinds: names of those there are.

    Raises:
        InputError: the file or a row can't be used; names the line.
    """
    read = _Reader(file.parent, settings.kind, kinds, "tests" in settings.critics)
    return read_rows(file, lambda _, index, row: read.task(index, row), hint=_HINT)


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    kind: str
    kinds: Collection[str]
    tested: bool
    """The caller's checks are run whatever the kind."""

    def task(self, index: int, row: Mapping[str, Any]) -> BatchTask:
        """Make a task of a row. Raises ValueError: it is none."""
        for name in row:
            if name not in _FIELDS:
                raise ValueError(str(UnknownNameError("field", name, _FIELDS)).rstrip("."))
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half a character (a surrogate without its other half), which no file can hold") from error
        asked = _Row.model_validate({name: value for name, value in row.items() if value is not None})
        name = str(index + 1) if asked.id is None else str(asked.id)
        kind = asked.kind or self.kind
        try:
            self._require(kind, asked)
            checks = tuple(check for number, source in enumerate(_several(asked.checks), 1)
                           for check in checks_in(source, f"check {number}"))
            images = tuple(read_image(where if "://" in where else str(self.folder / where))
                           for where in _several(asked.images))
        except (InputError, UnknownNameError) as error:
            raise ValueError(str(error).rstrip(".")) from error
        return BatchTask(name, Task(asked.question, kind, checks, asked.context, images, schema=asked.schema_))

    def _require(self, kind: str, asked: _Row) -> None:
        name = kind.partition(":")[0]
        if name != "auto" and name not in self.kinds:
            raise UnknownNameError("kind", name, self.kinds, listed_by="agentfix kinds")
        if asked.checks and name in _WITHOUT_CHECKS and not self.tested:
            raise InputError(f"kind {name!r} does not use checks: leave them out, or name the critic: --critic tests.")
        if asked.schema_ is not None:
            if name in _WITHOUT_SCHEMA:
                raise InputError(f"kind {name!r} does not use a schema: leave one of the two out.")
            _require_schema(asked.schema_)


def _require_schema(schema: dict[str, Any]) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InputError(f"the schema is none: {error.message}.") from error
    resolver = Registry[Any]().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except (Unresolvable, NoSuchResource) as error:
            raise InputError(f"the schema refers to {reference!r}, which it does not hold.") from error


def _references(schema: object) -> Iterator[str]:
    """What parts of a schema refer to. One with an `$id` of its own is not looked into."""
    if isinstance(schema, list):
        for part in cast("list[object]", schema):
            yield from _references(part)
    if isinstance(schema, dict) and "$id" not in schema:
        for name, part in cast("dict[str, object]", schema).items():
            if name in ("$ref", "$dynamicRef") and isinstance(part, str):
                yield part
            elif name not in ("const", "default", "enum", "examples"):
                yield from _references(part)


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Naming:
    """Names the runs of a batch: what it is made with, then what is asked. The same batch has the same runs whenever
    it is started, so that each goes on where it was left.

    Args:
        settings: that the tasks are answered with.
    """

    settings: Settings

    @property
    def batch(self) -> str:
        """What the names of all its runs begin with."""
        kept = self.settings.model_dump(mode="json", include={*KEPT, *LIMITS, "corpus", "work_dir"})
        return f"batch-{digest_of(kept)[:_BATCH_CHARACTERS]}-"

    def jobs(self, tasks: Collection[BatchTask]) -> list[Job]:
        """The jobs of some tasks.

        Raises:
            InputError: two have one id.
        """
        batch, made = self.batch, dict[str, Job]()
        for each in tasks:
            if each.id in made:
                raise InputError(f"Two tasks have the id {each.id!r}.")
            made[each.id] = Job(each.id, f"{batch}{digest_of({'id': each.id, 'task': asdict(each.task)})}", each.task)
        return [*made.values()]
