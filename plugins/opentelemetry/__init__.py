"""Tells OpenTelemetry what runs do: a span for each run, model call and tool call."""

from __future__ import annotations

from agentfix import ConfigError

try:
    from .spans import Telemetry
except ImportError as error:
    raise ConfigError("The plugin opentelemetry needs opentelemetry-api: pip install 'agentfix[otel]'") from error

_TELEMETRY = Telemetry()
agentfix_before_model_call = _TELEMETRY.agentfix_before_model_call
agentfix_before_tool_call = _TELEMETRY.agentfix_before_tool_call
agentfix_after_tool_call = _TELEMETRY.agentfix_after_tool_call
agentfix_on_event = _TELEMETRY.agentfix_on_event

__all__ = ["Telemetry", "agentfix_after_tool_call", "agentfix_before_model_call", "agentfix_before_tool_call",
           "agentfix_on_event"]
