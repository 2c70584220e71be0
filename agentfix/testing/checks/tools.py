"""What every tool must do alike."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from unittest import SkipTest

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from agentfix.errors import InputError, ToolError
from agentfix.models.llamacpp import schemas
from agentfix.protocols import Tool, Undoable, Verifier
from agentfix.testing.checks import afresh, canaries
from agentfix.testing.checks.battery import BATTERY_TIMES, TEXT_CHARS, Battery, Made
from agentfix.testing.checks.check import Checks, ConformanceWarning, Fault, check, require, require_is
from agentfix.testing.checks.rehearsal import secret_of
from agentfix.testing.checks.sampling import exemplary, sampled, with_text
from agentfix.testing.checks.trial import shortened
from agentfix.tools.observed import DATA_BYTES, OBSERVATION_CHARS
from agentfix.tools.runner import HELD_S
from agentfix.types import Claim, Evidence, ToolSpec

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What endpoints take for the name of a function."""
WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
EXAMPLES = 'give examples in its schema: Annotated[str, Field(examples=["..."])], with Field from pydantic'
MOST_EXAMPLES = 5
UNDONE = 3
"""So many acts that succeeded are undone."""
_LISTS = ("hosts", "paths", "secrets")


class ToolConformance(Checks):
    """Subclass it, with a fixture `tool` that is the tool meant.

    The tool is called with made-up arguments. What that would do outside is stopped as far as Python sees it.

    Attributes:
        arguments: calls that must succeed, besides the made-up ones, which may fail by a `ToolError`; without any, they
            are made of the examples in the tool's schema.
        count: how many calls are made up.
    """

    arguments: ClassVar[Sequence[Mapping[str, Any]]] = ()
    count: ClassVar[int] = 25

    @check
    def test_it_says_what_it_is(self, tool: Tool) -> None:
        spec = tool.spec
        require_is(spec, ToolSpec, "it has no ToolSpec (make it with @agentfix.tool): its spec")
        require(NAME.fullmatch(spec.name), f"its name {spec.name!r} is none that models can call: use letters, digits, "
                                           "_ and -, at most 64")
        require(spec.description.strip(), "it has no description: a model chooses it by what that says")
        for field in _LISTS:
            require(not isinstance(getattr(spec, field), str),
                    f"{field} is the text {getattr(spec, field)!r}: write a tuple, ({getattr(spec, field)!r},)")

    @check
    def test_its_schema_is_valid(self, tool: Tool) -> None:
        schema = tool.spec.parameters
        try:
            Draft202012Validator.check_schema(dict(schema))
            sampled(json.loads(json.dumps(dict(schema))), 1, 0)
        except SchemaError as error:
            fault = f"at {error.json_path} its schema is no JSON schema: {error.message[:200]}"
            raise Fault(fault) from error
        except (TypeError, ValueError, InputError) as error:
            raise Fault(f"its schema can't be used: {error}") from error
        require(schema.get("type") == "object", "its schema describes no object: arguments are given by name, so it "
                                                'needs "type": "object" at its top')

    @check
    def test_its_schema_fits_a_grammar(self, tool: Tool) -> None:
        try:
            schemas.schema_gbnf(schemas.checked(self._schema(tool)))
        except InputError as error:
            raise Fault(f"no grammar of llama.cpp can be made of its schema: {error}") from error

    @check
    def test_it_ends_in_time(self, tool: Tool) -> None:
        for made in self._calls(tool):
            at = f" at {made.outcome.where}" if made.outcome.where else ""
            after = ", and went on after it was cancelled" if made.outcome.left else ""
            require(not made.outcome.hung, f"{made.told} it hangs{at}: it had not ended after {self.timeout_s:g} s"
                                           f"{after}; keep to context.timeout_s (or a parameter of type Deadline)")

    @check
    def test_it_does_not_hold_the_event_loop(self, tool: Tool) -> None:
        for made in self._calls(tool):
            at = f" at {made.outcome.where}" if made.outcome.where else ""
            require(made.outcome.held_s <= HELD_S, f"{made.told} it blocks the event loop for "
                    f"{made.outcome.held_s:.1f} s{at}: make it a plain function, which runs in a thread, or await what "
                    "takes long")

    @check
    def test_it_can_be_cancelled(self, tool: Tool) -> None:
        first = next((made for made in self._calls(tool) if not made.outcome.hung), None)
        if first is None:
            raise SkipTest("it hangs")
        outcome = self._battery(tool).one(first.arguments, cancel=True).outcome
        at = f" at {outcome.where}" if outcome.where else ""
        require(not outcome.left, f"{first.told} it goes on{at} after it was cancelled: let CancelledError pass")

    @check
    def test_its_errors_are_of_the_right_kind(self, tool: Tool) -> None:
        for made in self._calls(tool):
            error = made.outcome.error
            if made.outcome.hung or made.stopped or made.refused or isinstance(error, ToolError | None):
                continue
            raise Fault(f"{made.told} it raised {_placed(made)}: raise ToolError, with a sentence that a model can act "
                        "on")

    @check
    def test_calls_that_must_succeed_do(self, tool: Tool) -> None:
        if not self._musts(tool):
            none = f", and none of the made-up ones succeeded: {EXAMPLES}" if not any(
                made.observation is not None and made.observation.ok for made in self._calls(tool)) else ""
            raise SkipTest(f"no such calls are given{none}")
        for made in self._calls(tool)[:len(self._musts(tool))]:
            if tool.spec.hosts and not self.arguments:
                raise SkipTest("its servers don't really answer here")
            if made.stopped:
                raise SkipTest(f"nothing is really done here, so it may not {made.stopped[0]}")
            require(made.observation is not None and made.observation.ok, f"{made.told} it said {made.said[:200]}")

    @check
    def test_its_results_can_be_kept(self, tool: Tool) -> None:
        for made in self._results(tool):
            require(made.observation is not None,
                    f"{made.told} it returned {shortened(made.outcome.value)}, which is no Observation")
            _require_kept(tool.spec.name, made)

    @check
    def test_its_results_are_bounded(self, tool: Tool) -> None:
        longest = 0
        for made in self._results(tool):
            if (observation := made.observation) is not None:
                length, size = len(str(observation.text)), _size(observation.data)
                longest = max(longest, length)
                require(length <= TEXT_CHARS and size <= DATA_BYTES,
                        f"{made.told} it said {length:,} characters and {size:,} bytes of data: give pages, or a "
                        f"summary; a model sees {OBSERVATION_CHARS:,} characters")
        if longest > OBSERVATION_CHARS:
            _warn(f"it said {longest:,} characters, of which a model sees the first and last "
                  f"{OBSERVATION_CHARS // 2:,}")

    @check
    def test_it_prints_nothing(self, tool: Tool) -> None:
        for made in self._calls(tool):
            require(not made.outcome.printed,
                    f"{made.told} it printed {shortened(made.outcome.printed)}: what it has to say it must return; "
                    "standard output and standard error belong to the application")
        checked = [self._verified(tool)] if tool.spec.verifies and isinstance(tool, Verifier) else []
        undone = self._undone(tool) if tool.spec.undoes and isinstance(tool, Undoable) else []
        for what, calls in (("checking a claim", checked), ("undoing", undone)):
            for made in calls:
                require(not made.outcome.printed, f"{what} it printed {shortened(made.outcome.printed)}: return it")

    @check
    def test_it_does_nothing_that_it_did_not_declare(self, tool: Tool) -> None:
        for made in self._calls(tool):
            tried = "; ".join(dict.fromkeys(made.refused))
            require(not made.refused, f"{made.told} {tried}: name it in @tool(...), or leave it")

    @check
    def test_it_keeps_secrets(self, tool: Tool) -> None:
        if not tool.spec.secrets:
            raise SkipTest("it declares none")
        for made in self._calls(tool):
            for name in tool.spec.secrets:
                require(secret_of(name) not in made.said, f"{made.told} it tells its key {name}: {made.said[:200]}")

    @check
    def test_it_is_deterministic_if_it_says_so(self, tool: Tool) -> None:
        if not tool.spec.deterministic:
            raise SkipTest("it does not say so")
        first = [made for made in self._calls(tool) if not made.outcome.hung]
        asked = [made.arguments for made in first]
        again = self._battery(tool).all(asked)
        _require_alike(first, [made.said for made in again], "a second time")
        if not self.target:
            raise SkipTest("alike in one process; in another it can't be tried without `target`")
        _require_alike(first, afresh.said(self.target, tool.spec.name, asked, self.timeout_s, self.seed),
                       "in another process")

    @check
    def test_it_takes_texts_as_data(self, tool: Tool) -> None:
        battery, tried = self._battery(tool), 0
        plain = [battery.one(arguments) for arguments in (
            *sampled(self._schema(tool), 1, self.seed), with_text(self._schema(tool), canaries.WORD)) if arguments]
        for arguments in self._daring(tool):
            made = battery.one(arguments)
            tried += 1
            require(not made.refused, f"{made.told} {made.refused[:1]}: it takes a text for more than data")
            require(made.stopped or made.outcome.hung or isinstance(made.outcome.error, ToolError | None)
                    or any(_fails_alike(made, each) for each in plain), f"{made.told} it raised {_placed(made)}, which "
                    "it does not with a plain text: it takes a text for more than data, such as a format or a pattern")
            if made.observation is not None:
                _require_kept(tool.spec.name, made)
            if canaries.PRODUCT in made.said and not self._computes(tool, arguments):
                raise Fault(f"{made.told} it evaluates what it is told: {made.said[:200]}")
            if made.outcome.hung:
                break
        if not tried:
            raise SkipTest("it takes no texts")

    @check
    def test_it_checks_claims_if_it_says_so(self, tool: Tool) -> None:
        if not tool.spec.verifies:
            raise SkipTest("it does not say so")
        require(isinstance(tool, Verifier), "its spec says that it verifies, but it has no verify(claim, context)")
        made = self._verified(tool)
        value, error = made.outcome.value, made.outcome.error
        require(not made.outcome.hung, f"checking a claim hangs at {made.outcome.where}")
        require(isinstance(error, ToolError | None), f"checking a claim raised {_placed(made)}: "
                + ("raise ToolError" if made.outcome.where else "write async def verify(claim, context)"))
        require(value is None or isinstance(value, Evidence),
                f"verify returned {shortened(value)}: return Evidence, or None when it has nothing to say")
        require(not made.refused and not made.stopped, f"checking a claim must change nothing: "
                                                       f"{(*made.refused, *made.stopped)[:1]}")

    @check
    def test_it_undoes_if_it_says_so(self, tool: Tool) -> None:
        if not tool.spec.undoes:
            raise SkipTest("it does not say so")
        require(isinstance(tool, Undoable),
                "its spec says that it undoes, but it has no undo(call, observation, context)")
        require(tool.spec.side_effects, "it says that it undoes, and not that it has side effects: declare both")
        undone = self._undone(tool)
        for made in undone:
            if made.stopped:
                raise SkipTest(f"nothing is really done here, so it may not {made.stopped[0]}")
            require(not made.outcome.hung, f"undoing what it did {made.told} hangs at {made.outcome.where}")
            tried = "; ".join(dict.fromkeys(made.refused))
            require(not made.refused, f"undoing what it did {made.told} {tried}: name it in @tool(...), or leave it")
            if isinstance(made.outcome.error, ToolError) and tool.spec.hosts:
                continue  # no server really answers here
            require(made.observation is not None and made.observation.ok,
                    f"undoing what it did {made.told} " + (f"raised {_placed(made)}" if made.outcome.error else
                                                           f"came to {shortened(made.outcome.value)}")
                    + ": take back what call and observation say, and return what you did")
        if not undone:
            raise SkipTest(f"none of its acts succeeded here, so none could be undone: {EXAMPLES}")

    # --- what the checks share ---------------------------------------------------------------------------------------

    def _calls(self, tool: Tool) -> list[Made]:
        """The calls that were made, for all checks together."""
        schema = self._schema(tool)
        return self.once(tool.spec.name, lambda: self._battery(tool).all(
            [*self._musts(tool), *sampled(schema, self.count, self.seed)]))

    def _musts(self, tool: Tool) -> Sequence[Mapping[str, Any]]:
        """The calls that must succeed: those given, or else the examples of its schema."""
        return self.arguments or exemplary(self._schema(tool))[:MOST_EXAMPLES]

    def _verified(self, tool: Tool) -> Made:
        """What came of a claim that it was to check, for all checks together."""
        return self.once(f"{tool.spec.name} verifies",
                         lambda: self._battery(tool).verify(Claim("The answer is 42.")))

    def _undone(self, tool: Tool) -> list[Made]:
        """What came of undoing some acts that succeeded, for all checks together."""
        return self.once(f"{tool.spec.name} undoes", lambda: [
            undone for made in [made for made in self._calls(tool) if made.observation and made.observation.ok][:UNDONE]
            for undone in self._battery(tool).undo(made.arguments)[1:] if undone is not None])

    def _results(self, tool: Tool) -> list[Made]:
        """The calls that came to a result."""
        found = [made for made in self._calls(tool) if made.outcome.error is None and not made.outcome.hung]
        if not found:
            raise SkipTest("no call came to a result")
        return found

    def _battery(self, tool: Tool) -> Battery:
        return Battery(tool, self.timeout_s, self.seed)

    def _schema(self, tool: Tool) -> dict[str, Any]:
        try:
            schema = json.loads(json.dumps(dict(tool.spec.parameters)))
            Draft202012Validator.check_schema(schema)
            sampled(schema, 1, self.seed)
        except (SchemaError, TypeError, ValueError, AttributeError, InputError) as error:
            raise SkipTest("its schema is not valid") from error
        return schema

    def _daring(self, tool: Tool) -> Iterator[dict[str, Any]]:
        schema = self._schema(tool)
        for made in self._calls(tool):
            if made.outcome.hung or made.outcome.held_s > HELD_S or made.refused or made.is_huge:
                raise SkipTest("it fails otherwise")
        began = time.monotonic()
        for text in canaries.ARGUMENTS:
            arguments = with_text(schema, text)
            if arguments is not None and time.monotonic() - began <= BATTERY_TIMES * self.timeout_s:
                yield arguments

    def _computes(self, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        """Whether it computes plain products too: then that is its work."""
        plain = {name: canaries.PLAIN if value in canaries.TEMPLATES else value for name, value in arguments.items()}
        return canaries.PRODUCT in self._battery(tool).one(plain).said


def _placed(made: Made) -> str:
    """What a call raised, and where in the tool's code, if it was there."""
    return shortened(made.outcome.error) + (f" at {made.outcome.where}" if made.outcome.where else "")


def _fails_alike(made: Made, other: Made) -> bool:
    """Whether two calls raised the same at the same place. What the system says of a file differs by its name."""
    kinds = {OSError if isinstance(each.outcome.error, OSError) else type(each.outcome.error) for each in (made, other)}
    return len(kinds) == 1 and made.outcome.where == other.outcome.where


def _size(data: Any) -> int:
    """How long data is as JSON; what is none is another check's."""
    try:
        return len(json.dumps(data, default=str))
    except (TypeError, ValueError, RecursionError):
        return 0


def _require_kept(name: str, made: Made) -> None:
    observation = made.observation
    assert observation is not None
    try:
        json.dumps(asdict(observation), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        fault = f"{made.told} it returned what can't be written as JSON ({error}): return texts, numbers, lists, dicts"
        raise Fault(fault) from error
    require(observation.tool == name, f"{made.told} its observation is that of {observation.tool!r}: name itself")
    require_is(observation.text, str, f"{made.told} its text")
    require(WORD.fullmatch(observation.status),
            f"{made.told} its status is {shortened(observation.status)}: use one word, such as ok, error, refused")


def _require_alike(first: Sequence[Made], again: Sequence[str], when: str) -> None:
    for made, said in zip(first, again, strict=False):
        require(made.said == said, f"{made.told} it says something else {when}: {made.said[:150]}, then {said[:150]}; "
                                   "leave out deterministic=True, or what changes")


def _warn(text: str) -> None:
    warnings.warn(text, ConformanceWarning, stacklevel=3)
