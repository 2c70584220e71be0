"""What an endpoint and model would not have, learnt from its refusals, so that it is asked only once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfix.models.openai.failures import Refused

SCHEMA_FORMS = ("json_schema", "json_object", "prompt")
"""How a JSON schema can be asked for, best first: enforced, or by words alone."""
_DROPPED = ("stream_options", "logprobs", "top_logprobs", "seed", "temperature", "top_p", "stop", "top_k", "min_p",
            "repeat_penalty", "frequency_penalty", "presence_penalty", "logit_bias")
"""Parameters that can be left out; the reply is only less controlled."""
_SEVERAL = re.compile(
    r"\bn\b.{0,3}(must|is |>|=|value|param)|field 'n'|completion choice|multiple (choices|completions)",
    re.IGNORECASE)
_UNWANTED = re.compile(r"support|unknown|unrecogni[sz]ed|unexpected|extra|not permitted|not allowed|invalid|only",
                       re.IGNORECASE)
"""What a refusal says of a parameter that it does not take; a message may name one for other reasons."""
_SCHEMA = re.compile(r"response_format|json_schema|json_object|structured output|guided", re.IGNORECASE)


@dataclass
class Habits:
    """How to put requests to one endpoint and model."""

    dropped: set[str] = field(default_factory=set[str])
    one_at_a_time: bool = False
    """It gives one completion a request."""
    length_name: str = "max_tokens"
    schema_form: int = 0
    """Index into SCHEMA_FORMS."""

    def learn(self, refused: Refused, body: Mapping[str, Any]) -> bool:
        """Learn from a refusal of a request; the same again from the same, as requests under way at once are refused
        alike.

        Returns:
            Whether the request can be put differently now.
        """
        said, parameter = refused.said, refused.parameter
        if "max_tokens" in body and self._names("max_tokens", said, parameter) and "max_completion" in said:
            self.length_name = "max_completion_tokens"
            return True
        if body.get("n", 1) > 1 and (parameter == "n" or _SEVERAL.search(said)):
            self.one_at_a_time = True
            return True
        if "response_format" in body and (parameter.startswith("response_format") or _SCHEMA.search(said)):
            self.schema_form = max(self.schema_form, SCHEMA_FORMS.index(body["response_format"]["type"]) + 1)
            return True
        for name in _DROPPED:
            if name in body and self._names(name, said, parameter):
                self.dropped |= {name, "logprobs", "top_logprobs"} if "logprobs" in name else {name}
                return True
        return False

    @staticmethod
    def _names(name: str, said: str, parameter: str) -> bool:
        return parameter == name or bool(re.search(rf"\b{name}\b", said) and _UNWANTED.search(said))
