"""Makes a tool of a typed function, or of an object that can be called.

    @tool(hosts=("api.example.org",))
    async def forecast(city: str, days: int = 1, *, http: Http) -> str:
        '''Forecast the weather.

        Args:
            city: Name of the city.
            days: How many days ahead.
        '''

The model sees the name, the first paragraph of the docstring, and a JSON schema made of the annotations and `Args`.
What is annotated with a type of the context (`ToolContext`, `Ask`, `Http`, `Secrets`, `Session`, `Deadline`, `Seed`) is
filled in and never shown.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast, get_args, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic_core import PydanticSerializationError, PydanticUndefined, to_jsonable_python

from agentfix.errors import ConfigError, ToolError
from agentfix.protocols import Ask, Deadline, Http, Secrets, Seed, Session, ToolContext
from agentfix.threads import call as call_function
from agentfix.types import Claim, Evidence, Observation, ToolCall, ToolSpec

_CONTEXT: Mapping[Any, Callable[[ToolContext], Any]] = {
    ToolContext: lambda context: context,
    Ask: lambda context: context.ask,
    Http: lambda context: context.http,
    Secrets: lambda context: context.secrets,
    Session: lambda context: context.sandbox,
    Deadline: lambda context: Deadline(context.timeout_s),
    Seed: lambda context: Seed(context.seed),
}
_UNSAID: Any = PydanticUndefined
"""Leaves the description that an annotation has."""
_SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_ARGUMENT = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")

Function = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])


class FunctionTool:
    """A tool made of a function; see `tool`. It can still be called like the function.

    Attributes:
        spec: what a model is shown, and what the tool may do.
        source: the function.
    """

    def __init__(self, function: Function, *, name: str = "", description: str = "", **capabilities: Any) -> None:
        called = function if inspect.isroutine(function) else type(function).__call__
        doc = inspect.getdoc(called) or inspect.getdoc(function) or ""
        self.source = function
        self.__doc__ = doc
        self.__name__ = name or _name_of(function)
        self._given, self._arguments = _read_signature(self.__name__, called, doc, bound=called is not function)
        self.spec = ToolSpec(self.__name__, description or _summary(doc), _schema(self.__name__, self._arguments),
                             **capabilities)
        if not self.spec.description:
            raise ConfigError(f"Tool {self.__name__!r} has no docstring.", "Say in one what it does: a model reads it.")
        self._verify: Function | None = None
        self._undo: Function | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.source(*args, **kwargs)

    # --- a tool --------------------------------------------------------------------------------------------------

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> Observation:
        """Call the function; a plain one in a thread of its own, where it blocks nobody.

        Raises:
            ToolError: the arguments are wrong, or the function says so.
        """
        try:
            values = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise ToolError(_said(error), status="error") from error
        wanted = {(field.alias or name): getattr(values, name) for name, field in self._arguments.model_fields.items()}
        given = {name: make(context) for name, make in self._given.items()}
        return self._observed(await call_function(self.source, **wanted, **given))

    async def verify(self, claim: Claim, context: ToolContext) -> Evidence | None:
        """See `agentfix.Verifier`."""
        if self._verify is None:
            return None
        return await call_function(self._verify, claim, **_context_of(self._verify, context))

    async def undo(self, call: ToolCall, observation: Observation, context: ToolContext) -> Observation:
        """See `agentfix.Undoable`."""
        if self._undo is None:
            raise ToolError(f"{self.spec.name!r} can't be undone.", status="refused")
        return self._observed(await call_function(self._undo, call, observation, **_context_of(self._undo, context)))

    def _observed(self, result: Any) -> Observation:
        """What was returned, as an observation: a text as it is, anything else as JSON."""
        if isinstance(result, Observation):
            return result
        if result is None:
            return Observation(self.spec.name, "ok", "Done.")
        try:
            if hasattr(result, "__next__"):
                raise ValueError("it may never end")
            plain: Any = to_jsonable_python(result)
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            raise TypeError(f"it returned {type(result).__name__}, which JSON can't say: {error}") from error
        text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
        data = cast("dict[str, Any]", plain) if isinstance(plain, dict) else {"result": plain}
        return Observation(self.spec.name, "ok", text, data)

    # --- decorators ----------------------------------------------------------------------------------------------

    def verifier(self, function: F) -> F:
        """Decorate what checks a claim: `(claim: Claim, ...context) -> Evidence | None`, with the context by type as in
        the tool.

        Raises:
            ConfigError: it takes something else.
        """
        _require_takes(self.__name__, "verifier", function, {"claim": Claim}, " -> Evidence | None")
        self._verify = function
        self.spec = replace(self.spec, verifies=True)
        return function

    def undoer(self, function: F) -> F:
        """Decorate what takes an act back: `(call: ToolCall, observation: Observation, ...context)`, with the context
        by type as in the tool.

        Raises:
            ConfigError: it takes something else.
        """
        _require_takes(self.__name__, "undoer", function, {"call": ToolCall, "observation": Observation}, "")
        self._undo = function
        self.spec = replace(self.spec, undoes=True)
        return function


@overload
def tool(function: Function, /) -> FunctionTool: ...
@overload
def tool(*, name: str = "", description: str = "", deterministic: bool = False, side_effects: bool = False,
         hosts: tuple[str, ...] = (), paths: tuple[str, ...] = (), secrets: tuple[str, ...] = (),
         processes: bool = False, cost: float = 0.0, isolate: bool = False,
         asks: bool = False) -> Callable[[Function], FunctionTool]: ...
def tool(function: Function | None = None, /, **options: Any) -> FunctionTool | Callable[[Function], FunctionTool]:
    """Make a tool of a typed function, or of an object with a typed `__call__` that keeps state.

    Args:
        function: plain or async.
        **options: `name` and `description`, where they differ from the function's own, and its capabilities: see
            `ToolSpec`. What is not declared is not given. Whatever `paths` says, a tool may use the system's temporary
            folder, other programs' files there included.

    Raises:
        ConfigError: an argument has no type, or one that JSON can't say; or there is no docstring.
    """
    def decorate(decorated: Function) -> FunctionTool:
        return FunctionTool(decorated, **options)

    return decorate if function is None else decorate(function)


# --- reading a signature ----------------------------------------------------------------------------------------------


def _name_of(function: Function) -> str:
    if inspect.isroutine(function):
        return function.__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(function).__name__).lower()


def _read_signature(name: str, called: Function, doc: str, *,
                    bound: bool) -> tuple[dict[str, Callable[[ToolContext], Any]], type[BaseModel]]:
    """What the context fills in, and a pydantic model of what a caller gives."""
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        raise ConfigError(f"Tool {name!r} yields.", "Have it return everything at once.")
    given = _context_parameters(called)
    parameters = list(inspect.signature(called).parameters.values())[1 if bound else 0:]
    hints, said = _hints(called, name), _descriptions(doc)
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ConfigError(f"Tool {name!r}: {parameter} can't be given by name.", "Use plain parameters.")
        if parameter.name in given:
            continue
        if parameter.name not in hints:
            raise ConfigError(f"Tool {name!r}: its argument {parameter.name!r} has no type.", "Annotate it.")
        default = ... if parameter.default is parameter.empty else parameter.default
        described = Field(default, alias=parameter.name, description=said.get(parameter.name, _UNSAID))
        fields[f"p_{parameter.name}"] = (hints[parameter.name], described)
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)
    except (PydanticUserError, TypeError, ValueError) as error:
        raise ConfigError(f"Tool {name!r}: its arguments can't be described as JSON: {error}") from error
    return given, model


def _hints(function: Function, name: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError) as error:
        raise ConfigError(f"Tool {name!r}: its annotations can't be read: {error}.",
                          "Name types that can be found where it is defined.") from error


def _context_parameters(function: Function) -> dict[str, Callable[[ToolContext], Any]]:
    hints = _hints(function, getattr(function, "__name__", "tool"))
    return {name: _CONTEXT[hint] for name, hint in hints.items()
            if name != "return" and isinstance(hint, type) and hint in _CONTEXT}


def _context_of(function: Function, context: ToolContext) -> dict[str, Any]:
    return {name: make(context) for name, make in _context_parameters(function).items()}


def _require_takes(name: str, role: str, function: Function, wanted: Mapping[str, type], returns: str) -> None:
    """Refuse a verifier or an undoer that can't be called with what is wanted first, and the context after it."""
    context, hints = _context_parameters(function), _hints(function, name)
    parameters = [*inspect.signature(function).parameters.values()]
    first, others = parameters[:len(wanted)], parameters[len(wanted):]
    fits = len(first) == len(wanted) and all(
        each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and _takes(each.name, hints, *one)
        for each, one in zip(first, wanted.items(), strict=True))
    unknown = [each for each in others if each.name not in context and each.default is each.empty
               and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if not fits or unknown:
        expected = ", ".join(f"{known}: {kind.__name__}" for known, kind in wanted.items())
        raise ConfigError(
            f"Tool {name!r}: its {role} {function.__name__}({', '.join(map(str, parameters))}) can't be called.",
            f"Write: def {function.__name__}({expected}, ...context){returns}, where the context is parameters of "
            "types such as ToolContext, Http, Session.")


def _takes(parameter: str, hints: Mapping[str, Any], known: str, kind: type) -> bool:
    """Whether a parameter is for a value: by its annotation or, where it has none, by its name."""
    hint = hints.get(parameter)
    if hint is None:
        return parameter == known or parameter.startswith("_")
    return hint in (Any, object, kind) or kind in get_args(hint)


def _schema(name: str, arguments: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of the arguments, without the titles that pydantic adds."""
    try:
        schema = arguments.model_json_schema(by_alias=True)
    except PydanticUserError as error:
        raise ConfigError(f"Tool {name!r}: its arguments can't be described as JSON: {error}") from error
    return _without_titles(schema)


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType]
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            plain[key] = {name: _without_titles(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        else:
            plain[str(key)] = _without_titles(value)  # pyright: ignore[reportUnknownArgumentType]
    return plain


def _summary(doc: str) -> str:
    """What stands before the sections of a docstring, on one line for each paragraph."""
    lines: list[str] = []
    for line in doc.splitlines():
        if _SECTION.match(line):
            break
        lines.append(line.strip())
    return "\n".join(" ".join(part.split()) for part in "\n".join(lines).split("\n\n") if part.strip())


def _descriptions(doc: str) -> dict[str, str]:
    """What the section `Args` says of each argument."""
    found: dict[str, str] = {}
    inside, name = False, ""
    for line in doc.splitlines():
        if section := _SECTION.match(line):
            inside = section[1] in ("Args", "Arguments")
        elif inside and line.strip():
            indent = len(line) - len(line.lstrip())
            match = _ARGUMENT.match(line.strip())
            if match and indent <= 4:
                name = match[1]
                found[name] = match[2]
            elif name:
                found[name] += f" {line.strip()}"
    return found


# --- calling it -------------------------------------------------------------------------------------------------------


def _said(error: ValidationError) -> str:
    """The first thing that is wrong with the arguments."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"The argument {'.'.join(map(str, first['loc']))!r} is wrong: {first['msg']}."
