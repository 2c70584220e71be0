"""What models write becomes text and calls, in the forms of their families, whole and in pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfix.models.llamacpp.callforms import FORMS
from agentfix.models.llamacpp.toolcalls import CallReader, MalformedCall, with_ids
from agentfix.types import Message, ToolCall, ToolSpec

ADD = ToolSpec("add", "Adds two numbers.", {"type": "object", "properties": {"a": {"type": "number"}}})
RUN = ToolSpec("run", "Runs a program.", {"type": "object", "properties": {
    "code": {"type": "string"}, "limit": {"type": ["integer", "null"]}, "files": {"type": "array"}}})
NOW = ToolSpec("now", "The time.", {})

TWO = ToolCall("add", {"a": 2})
PRINT = ToolCall("run", {"code": "print('</tool_call>')\n"})


def reader(family):
    return CallReader(FORMS[family], [ADD, RUN, NOW])


def read(family, *pieces):
    """Text and calls; what is returned piece by piece must be the text."""
    reading = reader(family)
    said = [reading.add(piece) for piece in pieces]
    said.append(reading.finish())
    assert "".join(said) == reading.text
    return reading.text, reading.calls


WRITTEN = [
    ("hermes", '<tool_call>\n{"name": "add", "arguments": {"a": 2}}\n</tool_call>', "", [TWO]),
    ("hermes", 'I add.\n\n<tool_call>\n{"name": "add", "arguments": {"a": 2}}\n</tool_call>\n'
             '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', "I add.", [TWO, ToolCall("now", {})]),
    ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_call>\nThen.', "Then.", [TWO]),
    ("hermes", 'A\n<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_call>\nB', "A\n\nB", [TWO]),
    ("hermes", "<tool_call>" '{"name": "run", "arguments": {"code": "print(\'</tool_call>\')\\n"}}</tool_call>', "",
     [PRINT]),
    ("hermes", "<tool_call>" '{"name": "run", "arguments": {"code": "print(\'</tool_call>\')\n"}}</tool_call>', "",
     [PRINT]),
    ("hermes", '<tool_call>{"name": "add", "arguments": "{\\"a\\": 2}"}</tool_call>', "", [TWO]),
    ("hermes", '<tool_call>{"name": "now"}</tool_call>', "", [ToolCall("now", {})]),
    ("hermes", '<tool_call>{"name": "now", "arguments": null}</tool_call>', "", [ToolCall("now", {})]),
    ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 2}}', "", [TWO]),
    ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_', "", [TWO]),
    ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 2}}}\n</tool_call>', "", [TWO]),
    ("hermes", '<tool_call>\n{{"name": "add", "arguments": {"a": 2}}}\n</tool_call>', "", [TWO]),
    ("hermes", '<tool_call>\n{"name": "add", "arguments": {"a": 2}}\n{"name": "now", "arguments": {}}\n</tool_call>',
     "", [TWO, ToolCall("now", {})]),
    ("hermes", '<tool_call>{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}</tool_call>', "",
     [TWO]),
    ("hermes", '<tool_call>{"name": "unheard of", "arguments": {}}</tool_call>', "", [ToolCall("unheard of", {})]),
    ("qwen3-coder", "Run it.\n<tool_call>\n<function=run>\n<parameter=code>\nprint('</tool_call>')\n\n</parameter>\n"
                   "</function>\n</tool_call>", "Run it.", [PRINT]),
    ("qwen3-coder", "<function=run>\n<parameter=code>\n1\n</parameter>\n<parameter=limit>\n5\n</parameter>\n"
                   "<parameter=files>\n[\"a\", 1]\n</parameter>\n<parameter=other>\nyes\n</parameter>\n</function>", "",
     [ToolCall("run", {"code": "1", "limit": 5, "files": ["a", 1], "other": "yes"})]),
    ("qwen3-coder", "<tool_call>\n<function=now>\n</function>\n</tool_call>", "", [ToolCall("now", {})]),
    ("qwen3-coder", '<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_call>', "", [TWO]),
    ("glm", "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>2</arg_value>\n</tool_call>", "", [TWO]),
    ("glm", "So.\n<tool_call>run\n<arg_key>code</arg_key>\n<arg_value>7</arg_value>\n<arg_key>limit</arg_key>\n"
            "<arg_value>5</arg_value>\n</tool_call>", "So.", [ToolCall("run", {"code": "7", "limit": 5})]),
    ("glm", "<tool_call>now</tool_call>", "", [ToolCall("now", {})]),
    ("llama3", '{"name": "add", "parameters": {"a": 2}}', "", [TWO]),
    ("llama3", '{"type": "function", "name": "add", "parameters": {"a": 2}}', "", [TWO]),
    ("llama3", '<|python_tag|>{"name": "add", "parameters": {"a": 2}}', "", [TWO]),
    ("llama3", '<|python_tag|>{"name": "add", "parameters": {"a": 2}}; {"name": "now", "parameters": {}}', "",
     [TWO, ToolCall("now", {})]),
    ("mistral", '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 2}, "id": "abcdefghi"}]', "",
     [ToolCall("add", {"a": 2}, "abcdefghi")]),
    ("mistral", 'Yes.[TOOL_CALLS][{"name": "add", "arguments": {"a": 2}}, {"name": "now", "arguments": {}}]', "Yes.",
     [TWO, ToolCall("now", {})]),
    ("mistral", '[TOOL_CALLS]add[ARGS]{"a": 2}[TOOL_CALLS]now[ARGS]{}', "", [TWO, ToolCall("now", {})]),
    ("mistral", '[TOOL_CALLS]add[CALL_ID]x1[ARGS]{"a": 2}', "", [ToolCall("add", {"a": 2}, "x1")]),
    ("mistral", '[TOOL_CALLS]add{"a": 2}', "", [TWO]),
    ("deepseek", "Well.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{\"a\": 2}\n```"
                 "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "Well.", [TWO, ToolCall("now", {})]),
    ("phi", '<|tool_call|>[{"name": "add", "arguments": {"a": 2}}]', "", [TWO]),
    ("phi", '<|tool_call|>{"name": "add", "arguments": {"a": 2}}<|/tool_call|>', "", [TWO]),
    ("nemotron", '<TOOLCALL>[{"name": "add", "arguments": {"a": 2}}]</TOOLCALL>', "", [TWO]),
    ("command-r", '<|START_ACTION|>[\n{"tool_call_id": "0", "tool_name": "add", "parameters": {"a": 2}}\n]'
                "<|END_ACTION|>", "", [ToolCall("add", {"a": 2}, "0")]),
    ("seed-oss", "<seed:tool_call>\n<function=run>\n<parameter=code>1</parameter>\n</function>\n</seed:tool_call>", "",
     [ToolCall("run", {"code": "1"})]),
    ("functionary", 'So: <function=add>{"a": 2}</function><function=now>{}</function>', "So:",
     [TWO, ToolCall("now", {})]),
    ("apriel", '<tool_calls>[{"name": "add", "arguments": {"a": 2}, "id": "x"}]</tool_calls>', "",
     [ToolCall("add", {"a": 2}, "x")]),
    # told of tools in our own words, whatever the family
    ("mistral", '<tool_call>{"name": "add", "arguments": {"a": 2}}</tool_call>', "", [TWO]),
    # without markers
    ("hermes", '{"name": "add", "arguments": {"a": 2}}', "", [TWO]),
    ("hermes", ' {"arguments": {"a": 2}, "name": "add"}\n', "", [TWO]),
    ("hermes", '```json\n{\n  "name": "add",\n  "arguments": {\n    "a": 2\n  }\n}\n```', "", [TWO]),
    ("hermes", '```\n[{"name": "add", "arguments": {"a": 2}}, {"name": "now", "arguments": {}}]\n```', "",
     [TWO, ToolCall("now", {})]),
    ("hermes", '```json\n{"name": "add", "arguments": {"a": 2}}\n```\n```json\n{"name": "now", "arguments": {}}\n```',
     "", [TWO, ToolCall("now", {})]),
    ("hermes", '<tools>\n{"name": "add", "arguments": {"a": 2}}\n</tools>', "", [TWO]),
    ("hermes", '{{"name": "add", "arguments": {"a": 2}}}', "", [TWO]),
    ("hermes", '{{"name": "add", "arguments": {"a": 2}}', "", [TWO]),
    ("hermes", '<tool_call>{{"name": "add", "arguments": {"a": 2}}</tool_call>', "", [TWO]),
    ("hermes", '{"name": "add", "arguments": {"a": 2}}\n</tool_call>', "", [TWO]),
    ("hermes", '{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}', "", [TWO]),
    ("hermes", '{"name": "add", "arguments": {"a": 2}}\n{"name": "now", "arguments": {}}', "",
     [TWO, ToolCall("now", {})]),
]
TEXTS = [
    "", " \n", "Four.\n", "  Four. ", "a < b", "<tool", "[1, 2]", "{", '{"a": 1}', "```python\nprint(1)\n```",
    "```json", "Write <tool_call> before a call.", "<tool_call> and </tool_call> are tags", 
    '{"name": "Ann", "age": 30}', '{"name": "other", "arguments": {}}', '{"name": "add", "arguments": [2]}',
    '{"name": "add", "arguments": 2}', '{"name": "add"}', '{"name": "add", "arguments": {"a": 2}, "result": 4}',
    '{"name": "add", "description": "Adds.", "parameters": {"type": "object"}}', '{"name": "add", "arguments": {"a": 2',
    'Call {"name": "add", "arguments": {"a": 2}}', '{"name": "add", "arguments": {"a": 2}} it is.',
    '```json\n{"name": "add", "arguments": {"a": 2}}\n```\nThat is the call.',
    '```json\n{"name": "add", "arguments": {"a": 2}}\n```\n```json\n{"a": 1}\n```', "{'name': 'add', 'arguments': {}}",
    '{"name": "add", "arguments": {"a": 2}}\n{"name": "other", "arguments": {}}', '{"name": {}, "arguments": {}}',
]
MALFORMED = [
    ("hermes", '<tool_call>{"name": "add", "arguments": {"a": 2'),
    ("hermes", '<tool_call>{"name": "add", "arguments": [2]}'), ("hermes", "<tool_call>\n"),
    ("hermes", "<tool_call>{'name': 'add'}</tool_call>"), ("hermes", "<tool_call>{}</tool_call>"),
    ("hermes", '<tool_call>{"name": "add", "arguments": "two"}</tool_call> and more'),
    ("hermes", '<tool_call>{"name": "add", "arguments": {}}</tool_call><tool_call>{"name": "ad'),
    ("hermes", '<tool_call>' + "[" * 100_000),
    ("hermes", '<tool_call>{"name": ["add"], "arguments": {}}</tool_call>'), ("hermes", '<tool_call>[1]</tool_call>'),
    ("qwen3-coder", "<tool_call>\n<function=run>\n<parameter=code>\nprint(1)\n"), ("glm", "<tool_call>add\n<arg_key>a"),
    ("llama3", '<|python_tag|>{"name": "add", "parameters": '), ("mistral", '[TOOL_CALLS] [{"name": "add", "argum'),
    ("mistral", "[TOOL_CALLS]add[ARGS]2"), ("deepseek", "<｜tool▁call▁begin｜>add<｜tool▁sep｜>two<｜tool▁call▁end｜>"),
]


@pytest.mark.parametrize(("family", "written", "text", "calls"), WRITTEN)
def test_each_family_is_understood(family, written, text, calls):
    assert read(family, written) == (text, calls)


@pytest.mark.parametrize("written", TEXTS)
def test_what_is_no_call_stays_the_text_that_it_is(written):
    assert read("hermes", written) == (written, [])


@pytest.mark.parametrize(("family", "written"), MALFORMED)
def test_a_call_that_is_begun_and_can_not_be_read_is_said(family, written):
    with pytest.raises(MalformedCall, match="a tool call that can't be read: "):
        read(family, written)


@pytest.mark.parametrize(("family", "written"), [
    *((family, written) for family, written, *_ in WRITTEN), *(("hermes", text) for text in TEXTS)])
def test_the_pieces_in_which_it_comes_make_no_difference(family, written):
    whole = read(family, written)
    assert read(family, *written) == whole
    for cut in range(len(written)):
        assert read(family, written[:cut], written[cut:]) == whole


PIECES = ["Well, ", "a < b ", "\n", " ", "<", "tool", "_call>", "[", "{", "}", '"', "```json\n", "`" * 3, "<tools>",
          *sorted({marker for form in FORMS.values() for marker in form.markers}),
          '{"name": "add", "arguments": {"a": 2}}', '{"name": "run", "arguments": {"code": "<tool_call>"}}', 
          '[ARGS]{"a": 2}', "<function=now>\n</function>", "add", "now\n<arg_key>a</arg_key><arg_value>1</arg_value>"]


def outcome(family, *pieces):
    try:
        return read(family, *pieces)
    except MalformedCall as error:
        return str(error)


@settings(max_examples=400, deadline=None)
@given(family=st.sampled_from(sorted(FORMS)), parts=st.lists(st.sampled_from(PIECES), max_size=8), data=st.data())
def test_whatever_is_written_is_the_same_in_any_pieces(family, parts, data):
    written = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=5)))
    pieces = [written[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(written)], strict=True)]
    assert outcome(family, *pieces) == outcome(family, written)


@settings(max_examples=100, deadline=None)
@given(arguments=st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text(), max_size=2), max_size=3),
       before=st.sampled_from(["", "So.\n"]), escaped=st.booleans())
def test_any_arguments_are_understood(arguments, before, escaped):
    call = json.dumps({"name": "add", "arguments": arguments}, ensure_ascii=escaped)
    whole = (before.strip(), [ToolCall("add", arguments)])
    assert read("hermes", before, f"<tool_call>\n{call}\n</tool_call>") == whole
    assert read("mistral", before, f"[TOOL_CALLS] [{call}]") == whole


def test_text_is_told_as_soon_as_it_can_be_no_call():
    reading = reader("hermes")
    assert [reading.add(piece) for piece in ("Let", " me", " <", "b", ">see. ", "<tool_c", "all>", '{"name": "add", ',
                                             '"arguments": {}}', "</tool_call>", " Done")
            ] == ["Let", " me", "", " <b", ">see.", "", "", "", "", "", "  Done"]


def test_json_that_calls_no_tool_is_not_kept_back_to_its_end():
    reading = reader("hermes")
    assert reading.add('```json\n{"name": "An') == '```json\n{"name": "An'


def test_ids_are_those_of_the_model_or_numbers_that_are_free():
    before = (Message("assistant", "", (ToolCall("add", {}, "call_1"), ToolCall("add", {}, "mine"))),)
    calls = [ToolCall("add", {}), ToolCall("add", {}, "own"), ToolCall("add", {}, "mine"), ToolCall("add", {}, "own")]
    assert [call.id for call in with_ids(calls, before)] == ["call_2", "own", "call_3", "call_4"]
