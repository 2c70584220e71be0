"""Finds in what pip, mmdebstrap and engines say why an image could not be made, and what would mend it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentfix.sandbox.output import one_line

_OFFLINE = "Look at the network; where only containers lack it: agentfix sandbox build --offline"
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), reason, hint) for pattern, reason, hint in (
    (r"no space left on device|disk quota exceeded",
     "no space is left on the disk", "Make room where the engine keeps images: docker system prune"),
    (r"pull access denied|repository does not exist|manifest unknown|manifest for \S+ not found|no such image",
     "there is no such base image", "Look at the name given with --base."),
    (r"lookup \S+|dial tcp|no such host|TLS handshake",
     "the registry of its base can't be reached", _OFFLINE),
    (r"NameResolutionError|NewConnectionError|Temporary failure in name resolution",
     "the package index can't be reached", _OFFLINE),
    (r"No matching distribution found for (?P<what>[^\s;]+)",
     "the package index has no {what} for its Python", "Look at the names given with --packages."),
    (r"Invalid requirement: (?P<what>'[^']*'|\S+)", "{what} is no name of a package",
     "Look at the names given with --packages."),
    (r"InvalidMarker|InvalidRequirement", "one of its packages has a name or mark that can't be read",
     "Look at the names given with --packages."),
    (r"No module named pip\b",
     "its base has no pip", "Have the wheels fetched on the host: agentfix sandbox build --offline"),
    (r"ResolutionImpossible", "its packages exclude one another", "Look at the versions given with --packages."),
    (r"python3: not found|exec: \"(?:python3|/bin/sh)\"",
     "its base has no shell or no python3", "Choose another base: --base python:3.12-slim"),
    (r"Could not resolve '(?P<what>[^']+)'|Unable to connect to (?P<where>\S+)",
     "Debian's packages can't be fetched", "Look at the network, and at apt's sources."),
))
_LAST = 60


def explain(said: Sequence[str]) -> tuple[str, str]:
    """Why a step failed, and what to do next, which may be empty.

    Args:
        said: the lines that were said, of which the last ones are looked at.
    """
    text = "\n".join(said[-_LAST:])
    for pattern, reason, hint in _KNOWN:
        if found := pattern.search(text):
            return one_line(reason.format(**found.groupdict()), 300), hint
    told = [line for line in said if line.strip()]
    errors = [line for line in told if re.match(r"(error|E):", line, re.IGNORECASE)]
    return one_line((errors or told or ["no reason given"])[-1].removeprefix("ERROR: "), 500).rstrip("."), ""
