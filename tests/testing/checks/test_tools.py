"""What every tool is held to: each check passes a good tool and fails a bad one with a sentence that helps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Annotated, Any, ClassVar
from unittest import SkipTest

import pytest
from pydantic import Field

from agentfix import (
    Claim,
    Evidence,
    EvidenceClass,
    Http,
    Observation,
    Secrets,
    ToolError,
    ToolSpec,
    tool,
)
from agentfix.testing import ConformanceWarning, ToolConformance

OUTSIDE = str(Path.home() / "agentfix-was-here")
OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def held_to(made, check, **attributes: Any) -> None:
    """Run one check on a tool."""
    cls = type("Checks", (ToolConformance,), {"timeout_s": 20.0, "count": 5, **attributes})
    getattr(cls(), f"test_{check}")(made)


def fault(made, check, **attributes: Any) -> str:
    """What a check says of a tool that fails it."""
    with pytest.raises(AssertionError) as failed:
        held_to(made, check, **attributes)
    return str(failed.value)


@tool(deterministic=True)
def word_count(text: str) -> int:
    """Count words."""
    if not text:
        raise ToolError("There is no text.")
    return len(text.split())


@tool(hosts=("api.example.org",), secrets=("EXAMPLE_KEY",))
async def weather(city: str, *, http: Http, secrets: Secrets) -> str:
    """Say what the weather is like."""
    page = await http.get("https://api.example.org/", params={"q": city, "key": secrets.require("EXAMPLE_KEY")})
    return page.text[:100]


class Bare:
    """A tool that is no function, which says what it was made to say."""

    def __init__(self, value: Any = None, **spec: Any) -> None:
        self.value = value
        self.spec = ToolSpec(**{"name": "bare", "description": "Says something.", "parameters": OBJECT, **spec})

    async def run(self, arguments, context):
        return self.value


CHECKS = [name.removeprefix("test_") for name in vars(ToolConformance) if name.startswith("test_")]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("made", [word_count, weather], ids=lambda made: made.spec.name)
def test_a_good_tool_passes(made, check):
    with contextlib.suppress(SkipTest):
        held_to(made, check)


class TestAsAClass(ToolConformance):
    """The class as a plugin's author uses it."""

    target = "tests.testing.checks.one_tool"
    arguments = ({"text": "two words"},)

    @pytest.fixture
    def tool(self):
        from tests.testing.checks.one_tool import shout

        return shout


# --- what it is -------------------------------------------------------------------------------------------------------


def test_a_name_that_no_model_can_call_is_named():
    assert "'two words'" in fault(Bare(name="two words"), "it_says_what_it_is")


def test_a_text_in_the_place_of_a_tuple_is_named():
    assert "hosts is the text 'api.example.org': write a tuple" in fault(
        Bare(hosts="api.example.org"), "it_says_what_it_is")


@pytest.mark.parametrize(("schema", "said"), [
    ({"type": "objekt"}, "is no JSON schema"),
    ({"type": "array"}, "describes no object"),
    ({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}, "can't be used"),
    ({"type": "object", "properties": {"a": {"default": object()}}}, "can't be used"),
])
def test_a_bad_schema_is_named(schema, said):
    assert said in fault(Bare(parameters=schema), "its_schema_is_valid")


def test_a_schema_that_nothing_satisfies_fits_no_grammar():
    schema = {"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"type": "null"}]}},
              "required": ["a"]}
    assert "no grammar" in fault(Bare(parameters=schema), "its_schema_fits_a_grammar")


# --- time -------------------------------------------------------------------------------------------------------------


@tool
def sleeps(text: str) -> str:
    """Sleep in a thread."""
    time.sleep(4)
    return text


@tool
async def waits(text: str) -> str:
    """Wait for nothing."""
    await asyncio.Event().wait()
    return text


@tool
async def blocks(text: str) -> str:
    """Sleep in the event loop."""
    time.sleep(1.3)  # noqa: ASYNC251 - that is what is wrong with it
    return text


@tool
async def goes_on(text: str) -> str:
    """Take no notice of a cancellation."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@pytest.mark.parametrize("made", [sleeps, waits], ids=lambda made: made.spec.name)
def test_a_tool_that_hangs_is_named_with_the_place(made):
    said = fault(made, "it_ends_in_time", timeout_s=0.5)
    assert "it hangs at test_tools.py line" in said and "0.5 s" in said


def test_a_tool_that_blocks_everything_is_named_with_the_place():
    said = fault(blocks, "it_does_not_hold_the_event_loop", count=1)
    assert "blocks the event loop" in said and "at test_tools.py line" in said


def test_a_tool_that_goes_on_when_cancelled_is_named():
    assert "went on after it was cancelled" in fault(goes_on, "it_ends_in_time", timeout_s=0.5)


def test_a_tool_that_is_cancelled_while_it_asks_the_network_must_end():
    @tool(hosts=("api.example.org",))
    async def clings(text: str, *, http: Http) -> str:
        """Ask again and again."""
        while True:
            try:
                return (await http.get("https://api.example.org/")).text
            except asyncio.CancelledError:
                continue

    assert "goes on at test_tools.py line" in fault(clings, "it_can_be_cancelled", timeout_s=0.5)


# --- errors and results -----------------------------------------------------------------------------------------------


def test_an_error_of_the_wrong_kind_is_named_with_the_place():
    @tool
    def divides(text: str) -> float:
        """Divide."""
        return 1 / (len(text) - len("two words"))

    said = fault(divides, "its_errors_are_of_the_right_kind")
    assert "{'text': 'two words'} it raised ZeroDivisionError" in said and "at test_tools.py line" in said
    assert "raise ToolError" in said


def test_a_tool_that_ends_the_program_is_named():
    @tool
    def leaves(text: str) -> str:
        """Leave."""
        sys.exit(3)

    assert "it raised SystemExit(3)" in fault(leaves, "its_errors_are_of_the_right_kind")


def test_what_a_server_says_may_be_anything():
    @tool(hosts=("api.example.org",))
    async def trusting(city: str, *, http: Http) -> str:
        """Trust a server."""
        return (await http.get(f"https://api.example.org/{city}")).json()["weather"]["text"]

    assert "KeyError('weather')" in fault(trusting, "its_errors_are_of_the_right_kind", count=10)


def test_calls_that_must_succeed_do():
    held_to(word_count, "calls_that_must_succeed_do", arguments=({"text": "two words"},))
    said = fault(word_count, "calls_that_must_succeed_do", arguments=({"text": ""},))
    assert "ToolError(error): There is no text." in said


def test_the_examples_of_a_schema_must_succeed():
    @tool
    def pick(name: Annotated[str, Field(examples=["ada", "bob"])], times: int = 1) -> str:
        """Pick somebody."""
        if name != "ada":
            raise ToolError(f"There is no {name}.")
        return name * times

    said = fault(pick, "calls_that_must_succeed_do")
    assert said == "with {'name': 'bob'} it said ToolError(error): There is no bob."
    held_to(pick, "calls_that_must_succeed_do", arguments=({"name": "ada"},))


def test_who_gives_no_examples_is_told_how():
    @tool
    def picky(name: str) -> str:
        """Pick somebody."""
        raise ToolError("There is nobody.")

    with pytest.raises(SkipTest, match=r"Annotated\[str, Field\(examples="):
        held_to(picky, "calls_that_must_succeed_do")


@pytest.mark.parametrize(("value", "said"), [
    (Observation("bare", "ok", "fine", {"x": object()}), "can't be written as JSON"),
    (Observation("bare", "ok", "fine", {"x": float("nan")}), "can't be written as JSON"),
    (Observation("other", "ok", "fine"), "is that of 'other'"),
    (Observation("bare", "it went well", "fine"), "use one word"),
    ("fine", "no Observation"),
    (None, "no Observation"),
])
def test_a_result_that_can_t_be_kept_is_named(value, said):
    assert said in fault(Bare(value), "its_results_can_be_kept")


def test_a_function_that_returns_what_json_can_t_say_is_named():
    @tool
    def opens(text: str) -> object:
        """Return an object."""
        return object()

    assert "JSON can't say" in fault(opens, "its_errors_are_of_the_right_kind")


def test_a_huge_result_is_named_and_a_long_one_warned_of():
    assert "1,000,000 characters" in fault(Bare(Observation("bare", "ok", "x" * 10**6)), "its_results_are_bounded")
    with pytest.warns(ConformanceWarning, match="20,000 characters"):
        held_to(Bare(Observation("bare", "ok", "x" * 20_000)), "its_results_are_bounded")


@pytest.mark.parametrize("prints", [
    lambda text: sys.stdout.write(text), lambda text: os.write(1, b"below Python"), lambda text: sys.stderr.write(text),
    lambda text: os.system("echo from a program")], ids=["print", "below Python", "stderr", "a program"])
def test_what_is_printed_is_named(prints):
    @tool(processes=True)
    def talkative(text: str) -> str:
        """Print."""
        prints(text)
        return text

    assert "it printed" in fault(talkative, "it_prints_nothing")


# --- what it may do ---------------------------------------------------------------------------------------------------


def _writes() -> None:
    Path(OUTSIDE).write_text("x")


def _connects() -> None:
    import socket

    socket.create_connection(("canary.example", 80), timeout=1)


def _starts() -> None:
    import subprocess

    subprocess.run(["true"], check=False)


def _moves() -> None:
    os.chdir("/")


@pytest.mark.parametrize(("does", "said"), [(_writes, OUTSIDE), (_connects, "'canary.example'"),
                                            (_starts, "a program"), (_moves, "the current folder")])
def test_what_was_not_declared_is_named_and_does_not_happen(does, said):
    @tool
    def lies(text: str) -> str:
        """Do something else."""
        does()
        return text

    assert said in fault(lies, "it_does_nothing_that_it_did_not_declare")
    assert not Path(OUTSIDE).exists()


def test_what_was_declared_does_not_happen_either_and_is_no_fault():
    @tool(paths=(OUTSIDE,), hosts=("canary.example",), processes=True, side_effects=True)
    def honest(text: str) -> str:
        """Do everything."""
        for does in (_writes, _connects, _starts):
            with contextlib.suppress(OSError):
                does()
        _writes()
        return text

    for check in ("it_does_nothing_that_it_did_not_declare", "its_errors_are_of_the_right_kind"):
        held_to(honest, check)
    assert not Path(OUTSIDE).exists()


def test_nothing_is_written_to_a_declared_folder_though_it_is_a_temporary_one(tmp_path):
    @tool(paths=(str(tmp_path),), side_effects=True)
    def keeps(text: str) -> str:
        """Keep a text."""
        (tmp_path / "kept").write_text(text)
        return text

    held_to(keeps, "it_does_nothing_that_it_did_not_declare")
    assert not [*tmp_path.iterdir()]


def test_a_host_and_a_key_that_were_not_declared_are_named():
    @tool
    async def curious(text: str, *, http: Http) -> str:
        """Ask somebody."""
        return (await http.get("https://canary.example/")).text

    @tool
    def greedy(text: str, *, secrets: Secrets) -> str:
        """Want a key."""
        return secrets.require("BANK_KEY")

    assert "'canary.example', which it did not declare (hosts)" in fault(
        curious, "it_does_nothing_that_it_did_not_declare")
    assert "the key 'BANK_KEY'" in fault(greedy, "it_does_nothing_that_it_did_not_declare")


def test_a_tool_that_tells_its_key_is_named():
    @tool(secrets=("BANK_KEY",))
    def tells(text: str, *, secrets: Secrets) -> str:
        """Tell."""
        raise ToolError(f"Login with {secrets.get('BANK_KEY')} failed.")

    assert "tells its key BANK_KEY" in fault(tells, "it_keeps_secrets")


# --- promises ---------------------------------------------------------------------------------------------------------


def test_a_tool_that_is_not_deterministic_is_named():
    numbers = itertools.count()

    @tool(deterministic=True)
    def counts(text: str) -> int:
        """Count calls."""
        return next(numbers)

    assert "says something else a second time" in fault(counts, "it_is_deterministic_if_it_says_so")


def test_a_tool_that_differs_from_process_to_process_is_named(tmp_path):
    (tmp_path / "hashing.py").write_text('''
from agentfix import hookimpl, tool

@tool(deterministic=True)
def hashes(text: str) -> int:
    """Hash."""
    return hash(text)

@hookimpl
def agentfix_register_tools(register):
    register(hashes)
''')
    from agentfix import Plugins, Settings

    target = str(tmp_path / "hashing.py")
    made = Plugins(Settings(plugins=(target,)), installed=False).build("tool", "hashes")
    with pytest.raises(SkipTest, match="in another it can't be tried"):
        held_to(made, "it_is_deterministic_if_it_says_so")
    assert "says something else in another process" in fault(made, "it_is_deterministic_if_it_says_so", target=target)


@pytest.mark.parametrize("does", [
    lambda text: ("Hello " + text).format(), lambda text: text % (), lambda text: eval(text, {}),
    lambda text: os.popen(f"echo {text}").read()], ids=["a format", "a pattern", "Python", "a command"])
def test_a_text_that_is_taken_for_more_than_data_is_named(does):
    plain = {"two words", "a" * 300}

    @tool
    def trusting(text: str) -> str:
        """Trust a text."""
        return text if text in plain else str(does(text))

    assert "for more than data" in fault(trusting, "it_takes_texts_as_data", count=1)


def test_a_file_that_is_not_there_is_no_text_taken_for_more():
    @tool
    def reads(path: str) -> str:
        """Read a file."""
        return Path(f"/usr/share/{path.replace('/', '-')}").read_text()

    assert "FileNotFoundError" in fault(reads, "its_errors_are_of_the_right_kind")
    held_to(reads, "it_takes_texts_as_data")


def test_a_template_that_is_evaluated_is_named_and_a_calculator_is_none():
    import jinja2

    @tool
    def renders(text: str) -> str:
        """Render."""
        try:
            return jinja2.Template(text).render()
        except jinja2.TemplateError as error:
            raise ToolError(str(error)) from error

    @tool
    def computes(text: str) -> str:
        """Compute a product."""
        numbers = [int(part) for part in "".join(c if c.isdigit() else " " for c in text).split()]
        return str(numbers[0] * numbers[1]) if len(numbers) == 2 else text

    assert "it evaluates what it is told" in fault(renders, "it_takes_texts_as_data")
    held_to(computes, "it_takes_texts_as_data")


def test_a_page_that_sends_a_tool_elsewhere_is_not_obeyed():
    @tool(hosts=("api.example.org",))
    async def follows(text: str, *, http: Http) -> str:
        """Follow links."""
        page = await http.get(f"https://api.example.org/{text}")
        if "https://canary.example/" in page.text:
            await http.get("https://canary.example/steal")
        return page.text

    assert "'canary.example'" in fault(follows, "it_does_nothing_that_it_did_not_declare")


class Verifying(Bare):
    found: ClassVar[Any] = None

    async def verify(self, claim: Claim, context):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize(("found", "said"), [("yes", "return Evidence, or None"), (ValueError("x"), "ValueError"),
                                             (True, "return Evidence, or None")])
def test_a_tool_that_checks_claims_otherwise_is_named(found, said):
    made = Verifying(verifies=True)
    made.found = found
    assert said in fault(made, "it_checks_claims_if_it_says_so")


@pytest.mark.parametrize("found", [
    None, ToolError("no idea"), Evidence(EvidenceClass.MEASUREMENT, "supports", "it is so", "bare", "instrument")])
def test_a_tool_that_checks_claims_passes(found):
    made = Verifying(verifies=True)
    made.found = found
    held_to(made, "it_checks_claims_if_it_says_so")


def test_a_tool_that_says_it_verifies_and_can_t_is_named():
    assert "has no verify" in fault(Bare(verifies=True), "it_checks_claims_if_it_says_so")


def test_a_tool_that_says_it_undoes_and_can_t_is_named():
    assert "has no undo" in fault(Bare(undoes=True), "it_undoes_if_it_says_so")


class Notes:
    """Keeps notes, and takes them back as it is told."""

    def __init__(self, take_back) -> None:
        self.kept: dict[str, str] = {}

        @tool(side_effects=True)
        def put(name: str) -> str:
            """Keep a note."""
            self.kept[name] = name
            return name

        @put.undoer
        def remove(call, observation):
            return take_back(self.kept, call)

        self.tool = put


def test_an_act_is_really_undone():
    notes = Notes(lambda kept, call: kept.pop(call.arguments["name"]))
    held_to(notes.tool, "it_undoes_if_it_says_so", count=2)
    assert notes.kept == {}


@pytest.mark.parametrize(("take_back", "said"), [
    (lambda kept, call: kept.pop("nobody"), "raised KeyError('nobody') at test_tools.py line"),
    (lambda kept, call: sys.exit(1), "raised LeavingError"),
    (lambda kept, call: Path(OUTSIDE).write_text(""), "which it did not declare (paths)"),
    (lambda kept, call: Observation("put", "error", "It is glued on."), "It is glued on"),
])
def test_a_tool_that_can_t_take_back_what_it_did_is_named(take_back, said):
    found = fault(Notes(take_back).tool, "it_undoes_if_it_says_so")
    assert said in found and "undoing what it did with {'name': 'two words'}" in found


def test_undoing_what_was_never_done_is_not_tried():
    @tool(side_effects=True)
    def put(name: str) -> str:
        """Keep a note."""
        raise ToolError("There is no room.")

    put.undoer(lambda call, observation: None)
    with pytest.raises(SkipTest, match="none of its acts succeeded here"):
        held_to(put, "it_undoes_if_it_says_so")


def test_a_verifier_that_takes_something_else_is_told_what_to_take():
    class Takes(Bare):
        async def verify(self, text):
            return None

    said = fault(Takes(verifies=True), "it_checks_claims_if_it_says_so")
    assert said.endswith(": write async def verify(claim, context)") and " at :" not in said


def test_what_a_verifier_and_an_undoer_print_is_named():
    talks = Notes(lambda kept, call: sys.stdout.write("taken back")).tool
    assert "undoing it printed 'taken back'" in fault(talks, "it_prints_nothing")

    @tool
    def knows(text: str) -> str:
        """Know."""
        return text

    knows.verifier(lambda claim: sys.stdout.write("looking") and None)
    assert "checking a claim it printed 'looking'" in fault(knows, "it_prints_nothing")


# --- excuses ----------------------------------------------------------------------------------------------------------


def test_a_known_failure_is_skipped_while_it_fails_and_named_once_it_passes():
    known = {"test_it_says_what_it_is": "the name is given"}
    with pytest.raises(SkipTest, match="known to fail: the name is given"):
        held_to(Bare(name="two words"), "it_says_what_it_is", known_failures=known)
    assert "passes by now" in fault(word_count, "it_says_what_it_is", known_failures=known)


def test_what_fails_for_the_right_reason_is_not_drawn_by_chance():
    """The same seed makes the same calls."""
    seen = []

    @tool
    def listens(text: str) -> str:
        """Listen."""
        seen.append(text)
        return json.dumps(random.random())

    for _ in range(2):
        held_to(listens, "it_prints_nothing", count=8)
    assert seen[:8] == seen[8:] and len(set(seen)) == 8
