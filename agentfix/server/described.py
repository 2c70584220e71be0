"""The API's description, as OpenAPI has it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from agentfix.server.asked import ChatRequest
from agentfix.server.asked_responses import ResponsesRequest

_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {
    "type": "object", "required": ["message", "type", "param", "code"],
    "properties": {"message": {"type": "string"}, "type": {"type": "string"}, "param": {"type": ["string", "null"]},
                   "code": {"type": ["string", "null"]}}}}}


def description(*, guarded: bool) -> dict[str, Any]:
    """The description.

    Args:
        guarded: whether a key must be shown.
    """
    _, schemas = models_json_schema([(ChatRequest, "validation"), (ResponsesRequest, "validation")],
                                    ref_template="#/components/schemas/{model}")
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    paths: dict[str, Any] = {
        "/v1/chat/completions": {"post": _asked("A checked answer, as a chat completion.", "ChatRequest")},
        "/v1/responses": {"post": _asked("A checked answer, as a response.", "ResponsesRequest")},
        "/v1/responses/{id}": {"get": {**_told("A response that was kept."), "parameters": [{**name, "name": "id"}]}},
        "/v1/models": {"get": _told("The models that may be asked for.")},
        "/v1/models/{name}": {"get": {**_told("One of them."), "parameters": [name]}},
        "/health": {"get": {**_told("Whether requests are taken."), "security": []}},
        "/metrics": {"get": _told("Counts, for Prometheus.", "text/plain")},
    }
    keys = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}} if guarded else {}
    return {"openapi": "3.1.0", "info": {"title": "agentfix", "version": version("agentfix")}, "paths": paths,
            "components": {"schemas": {**schemas["$defs"], "Error": _ERROR}, **keys},
            **({"security": [{"key": []}]} if guarded else {})}


def _told(summary: str, media_type: str = "application/json") -> dict[str, Any]:
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    return {"summary": summary, "responses": {
        "200": {"description": "It is told.", "content": {media_type: {}}},
        "4XX": {"description": "The request is refused.", **error},
        "5XX": {"description": "The server or a model failed.", **error}}}


def _asked(summary: str, form: str) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{form}"}}}}
    told = _told(summary)
    told["responses"]["200"]["content"]["text/event-stream"] = {}
    return {**told, "requestBody": body}
