"""Makes one program that runs a program's tests with pytest, which is in the docker sandbox."""

from __future__ import annotations

from .source import Tests

RESULTS = "_tests_results"
_PROGRAM = """\
import json, pytest

class Collected:
    def __init__(self):
        self.results = []
    def add(self, report, name):
        crash = getattr(report.longrepr, "reprcrash", None)
        entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", [])
        places = [entry.reprfileloc for entry in entries if getattr(entry, "reprfileloc", None)]
        lines = [place.lineno for place in places if place.path.endswith("test_program.py")]
        message = crash.message if crash else str(report.longrepr)
        first = not any(each[2] not in ("", "Skipped") for each in self.results)
        self.results.append([name[:100], lines[-1] if lines else 0, (message[:600] or "failed") if first else "failed"])
    def pytest_collectreport(self, report):
        if report.failed:
            self.add(report, "collecting")
    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self.add(report, name)
        elif report.when == "call" and report.passed:
            self.results.append([name[:100], 0, ""])
        elif report.skipped:
            self.results.append([name[:100], 0, "Skipped"])

with open("test_program.py", "w", encoding="utf-8") as file:
    file.write({source!r})
collected = Collected()
pytest.main(["-q", "-p", "no:cacheprovider", "--color=no", "--tb=short", "test_program.py"], plugins=[collected])
{results} = json.dumps(collected.results[:400])
"""


def joined(program: str, tests: Tests) -> str:
    """The source to run; it leaves `_tests_results` as in `plain`, with lines counted from the program's first."""
    return _PROGRAM.format(source=f"{program}\n{tests.text}\n", results=RESULTS)
