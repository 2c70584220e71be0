"""Checks one text: a request as JSON on standard input, a reply on standard output."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import Any, cast

from jsonschema import ValidationError, exceptions
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable

from agentfix.schemas.reading import NotJsonError, read_json
from agentfix.schemas.walking import SHOWN, WrongSchemaError, require_schema, short

MAX_ERRORS = 1_000
"""So many are looked through for the one that says most."""
MAX_MEMORY_BYTES = 2**30


def held(text: str, schema: dict[str, Any], *, formats: bool) -> dict[str, Any]:
    """Whether a text is valid, with path and error when it is not; or the `fault` of the schema."""
    try:
        kind = require_schema(schema)
    except WrongSchemaError as error:
        return {"fault": f"The schema itself {error}."}
    try:
        value = read_json(text)
    except NotJsonError as error:
        return {"path": "", "error": str(error)}
    # Without a registry, references to the network would be fetched.
    validator: Any = kind(schema, registry=REGISTRY, format_checker=kind.FORMAT_CHECKER if formats else None)
    try:
        errors = islice(validator.iter_errors(value), MAX_ERRORS)
        found = cast("ValidationError | None", exceptions.best_match(errors))
    except Unresolvable as error:
        return {"fault": f"The schema refers to {str(error.ref)[:200]!r}, which it does not hold."}
    except RecursionError:
        return {"fault": "The schema refers to itself without end, or the text is nested too deeply."}
    except (ValueError, ArithmeticError) as error:  # an address that is none; a number that is too large to reckon with
        return {"fault": f"The schema can't be applied to this text: {short(str(error))}."}
    return {"path": "", "error": ""} if found is None else {
        "path": found.json_path[:SHOWN], "error": short(found.message)}


def main() -> None:
    """Serve one request."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    sys.stdout.write(json.dumps(held(**json.loads(sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
