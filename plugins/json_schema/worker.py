"""Checks one text: a request as JSON on standard input, a reply on standard output."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError, exceptions
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable

from .reading import NotJsonError, read

MAX_ERRORS = 1_000
"""So many are looked through for the one that says most."""
MAX_MEMORY_BYTES = 2**30
_SHOWN = 500


def checked(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Whether a text is valid, with path and error when it is not; or the `fault` of the schema."""
    if not isinstance(schema.get("$schema", ""), str):
        return {"fault": "The schema itself is wrong: at $['$schema']: it names no draft."}
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        return {"fault": f"The schema itself is wrong: at {error.json_path}: {_short(error.message)}"}
    try:
        value = read(text)
    except NotJsonError as error:
        return {"valid": False, "path": "", "error": str(error)}
    # Without a registry, references to the network would be fetched.
    validator: Any = kind(schema, registry=REGISTRY, format_checker=kind.FORMAT_CHECKER)
    try:
        errors = islice(validator.iter_errors(value), MAX_ERRORS)
        found = cast("ValidationError | None", exceptions.best_match(errors))
    except Unresolvable as error:
        return {"fault": f"The schema refers to {str(error.ref)[:200]!r}, which it does not hold."}
    except RecursionError:
        return {"fault": "The schema refers to itself without end, or the text is nested too deeply."}
    except (ValueError, ArithmeticError) as error:  # an address that is none; a number that is too large to reckon with
        return {"fault": f"The schema can't be applied to this text: {_short(str(error))}."}
    if found is None:
        return {"valid": True, "path": "", "error": ""}
    return {"valid": False, "path": found.json_path[:_SHOWN], "error": _short(found.message)}


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN // 2]} [...] {text[-_SHOWN // 2:]}"


def main() -> None:
    """Serve one request."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    request = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(checked(request["text"], request["schema"])))


if __name__ == "__main__":
    main()
