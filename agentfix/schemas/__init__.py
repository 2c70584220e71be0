"""JSON texts, held to JSON schemas that may be anybody's: none of them holds up whoever checks."""

from agentfix.schemas.checking import LONGEST, Checked, check_text, checked
from agentfix.schemas.reading import NotJsonError, read_json
from agentfix.schemas.walking import fault_of_schema

__all__ = ["LONGEST", "Checked", "NotJsonError", "check_text", "checked", "fault_of_schema", "read_json"]
