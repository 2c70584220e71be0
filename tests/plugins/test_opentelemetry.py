"""The opentelemetry plugin: spans of runs, after the conventions for generative AI."""

from __future__ import annotations

import subprocess
import sys

import pytest
from agentfix_plugins.opentelemetry import Telemetry
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

from agentfix import Agent, Check, Plugins, Settings, Task
from agentfix.testing import ScriptedModel, script_plugin

GOOD, BAD = (f"```python\ndef double(x):\n    return {way}\n```" for way in ("2 * x", "x"))
TASK = Task("Write double.", "code", (Check("assert double(3) == 6"),))


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


async def run(telemetry, steps, tmp_path, task=TASK, **settings):
    chosen = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path, **settings)
    plugins = Plugins(chosen, extra={"script": script_plugin(ScriptedModel(steps)), "opentelemetry": telemetry})
    async with Agent(chosen, plugins) as agent:
        return await agent.arun(task)


async def test_a_run_is_a_span_with_its_calls_below_it(exporter, provider, tmp_path):
    result = await run(Telemetry(provider), [BAD, GOOD], tmp_path)
    *calls, whole = exporter.get_finished_spans()
    assert (whole.name, whole.kind, whole.parent) == ("invoke_agent agentfix", SpanKind.INTERNAL, None)
    assert whole.attributes["gen_ai.conversation.id"] == result.run_id
    assert whole.attributes["gen_ai.usage.output_tokens"] == result.usage.completion_tokens > 0
    assert whole.attributes["agentfix.supported_by"] == "contract"
    assert {call.parent.span_id for call in calls} == {whole.context.span_id}
    models = [call for call in calls if call.name == "chat scripted"]
    assert [call.attributes["agentfix.place"] for call in models] == ["a0.model", "a1.model"]
    assert {call.kind for call in models} == {SpanKind.CLIENT}
    assert sum(call.attributes["gen_ai.usage.output_tokens"] for call in models) == result.usage.completion_tokens
    tools = [call for call in calls if call.name == "execute_tool python"]
    assert tools and {call.attributes["gen_ai.operation.name"] for call in tools} == {"execute_tool"}
    assert {StatusCode.ERROR, StatusCode.UNSET} >= {call.status.status_code for call in tools}
    said = [(event.attributes["gen_ai.evaluation.name"], event.attributes["gen_ai.evaluation.score.label"],
             event.attributes["agentfix.attempt"]) for event in whole.events]
    assert ("tests", "revise", 0) in said and ("tests", "accept", 1) in said


async def test_attributes_are_those_of_the_conventions_and_hold_no_text(exporter, provider, tmp_path):
    await run(Telemetry(provider), [BAD, GOOD], tmp_path)
    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    for span in exporter.get_finished_spans():
        used = {**span.attributes, **{name: value for event in span.events for name, value in event.attributes.items()}}
        assert {name for name in used if name.startswith("gen_ai.")} <= known
        assert all(name.startswith(("gen_ai.", "agentfix.", "error.")) for name in used)
        assert not any("double" in str(value) for value in used.values())


async def test_a_span_of_the_program_is_the_parent(exporter, provider, tmp_path):
    with provider.get_tracer("app").start_as_current_span("handle request") as own:
        await run(Telemetry(provider), [GOOD], tmp_path, strategy="none")
    whole = next(span for span in exporter.get_finished_spans() if span.name.startswith("invoke_agent"))
    assert whole.parent.span_id == own.get_span_context().span_id


async def test_a_run_that_failed_ends_as_an_error(exporter, provider, tmp_path):
    telemetry = Telemetry(provider)
    with pytest.raises(Exception, match="broke"):
        await run(telemetry, [RuntimeError("it broke")], tmp_path)
    telemetry.close()
    *_, whole = exporter.get_finished_spans()
    assert (whole.name, whole.status.status_code) == ("invoke_agent agentfix", StatusCode.ERROR)
    assert whole.attributes["error.type"] == "_OTHER"


async def test_what_is_replayed_makes_no_calls_and_no_spans_of_them(exporter, provider, tmp_path):
    result = await run(Telemetry(provider), [GOOD], tmp_path)
    exporter.clear()
    chosen = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path)
    extra = {"script": script_plugin(ScriptedModel([])), "opentelemetry": Telemetry(provider)}
    async with Agent(chosen, Plugins(chosen, extra=extra)) as agent:
        await agent.areplay(result.run_id)
    assert [span.name for span in exporter.get_finished_spans()] == ["invoke_agent agentfix"]


def test_it_is_used_where_it_is_named_and_says_what_it_lacks():
    program = "import sys; {}; from agentfix.cli.main import main; sys.exit(main(['plugins', '--plugin', " \
              "'agentfix_plugins.opentelemetry']))"
    there = subprocess.run([sys.executable, "-c", program.format("pass")], capture_output=True, text=True, check=True)
    assert "agentfix_plugins.opentelemetry" in there.stdout
    hidden = program.format("sys.modules['opentelemetry'] = None")
    missing = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert "pip install 'agentfix[otel]'" in missing.stdout + missing.stderr
