"""What the embedded sandbox turned out to lack, so that programs that need it need not fail there first."""

from __future__ import annotations

import re
from collections import deque

from agentfix.protocols import ExecResult
from agentfix.sandbox.dialect import features_used, modules_lacking

_LACKING = re.compile(r"Not in the embedded sandbox: (.+)\.")
_MOST = 256


class Lacks:
    """Learns from programs that were `unsupported`."""

    def __init__(self) -> None:
        self._known: deque[frozenset[str]] = deque(maxlen=_MOST)
        """No program that uses all features of such a set can run."""

    def met_by(self, code: str) -> bool:
        """Whether a program is known to need what is lacking."""
        used = features_used(code)
        return bool(modules_lacking(used)) or any(features <= used for features in self._known)

    def learn(self, code: str, result: ExecResult) -> None:
        """Note why a program was `unsupported`: for the feature named, where the program's source shows it, and else
        for some one of all its features."""
        used = features_used(code)
        found = _LACKING.fullmatch(result.error)
        features = frozenset({found[1]}) if found and found[1] in used else used
        if features and features not in self._known:
            self._known.append(features)
