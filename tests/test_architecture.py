"""Holds the arrows of the design: who may import whom, and how big a file (blank lines apart) or function may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES = 400
FUNCTION_LINES = 60

WIRING = {"agentfix.agent", "agentfix.__init__"}
"""They may see everything."""
FOUNDATIONS = ["agentfix.types", "agentfix.errors", "agentfix.protocols", "agentfix.digest", "agentfix.exchange"]
"""Each may import those before it, and what lies within it."""
SHARED = {*FOUNDATIONS, "agentfix.evidence", "agentfix.settings", "agentfix.hookspecs", "agentfix.deadline",
          "agentfix.recording", "agentfix.checks", "agentfix.endpoints", "agentfix.mcp_servers", "agentfix.steps",
          "agentfix.threads", "agentfix.confidence", "agentfix.valuation", "agentfix.places", "agentfix.conversation",
          "agentfix.bisection", "agentfix.rows", "agentfix.lines", "agentfix.schemas"}
"""What any room may import."""
LEAVES = ["agentfix.models", "agentfix.sandbox", "agentfix.journal"]
MAY_IMPORT = {
    "agentfix.evidence": {*FOUNDATIONS},
    "agentfix.confidence": {*FOUNDATIONS, "agentfix.evidence"},
    "agentfix.conversation": {*FOUNDATIONS, "agentfix.tools"},
    "agentfix.endpoints": {*FOUNDATIONS},
    "agentfix.checks": {*FOUNDATIONS},
    "agentfix.mcp_servers": {*FOUNDATIONS, "agentfix.endpoints"},
    "agentfix.settings": {*FOUNDATIONS, "agentfix.endpoints", "agentfix.mcp_servers"},
    "agentfix.deadline": {*FOUNDATIONS},
    "agentfix.recording": {*FOUNDATIONS},
    "agentfix.verdict": {*FOUNDATIONS},
    "agentfix.hookspecs": {*FOUNDATIONS, "agentfix.settings"},
    "agentfix.plugins": {*SHARED, "agentfix.plugins"},
    "agentfix.pool": {*FOUNDATIONS},
    "agentfix.structured": {*FOUNDATIONS, "agentfix.places", "agentfix.threads"},
    "agentfix.graph": {*FOUNDATIONS, "agentfix.evidence", "agentfix.deadline", "agentfix.steps", "agentfix.places",
                       "agentfix.conversation", "agentfix.pool", "agentfix.graph"},
    "agentfix.lifecycle": {*SHARED},
    "agentfix.bisection": {*FOUNDATIONS},
    "agentfix.rows": {*FOUNDATIONS},
    "agentfix.lines": {*FOUNDATIONS},
    "agentfix.steps": set(),
    "agentfix.families": set(),
    "agentfix.places": set(),
    "agentfix.valuation": {*FOUNDATIONS},
    "agentfix.threads": set(),
    "agentfix.schemas": {"agentfix.threads", "agentfix.schemas"},
    "agentfix.tools": {*SHARED, "agentfix.lifecycle", "agentfix.tools"},
    "agentfix.batch": {*SHARED, "agentfix.agent", "agentfix.cli.jsonout", "agentfix.cli.images", "agentfix.batch"},
    "agentfix.isolation": {*SHARED, "agentfix.lifecycle", "agentfix.plugins", "agentfix.tools", "agentfix.isolation"},
    "agentfix.evals": {*SHARED, "agentfix.plugins", "agentfix.agent", "agentfix.evals"},
    "agentfix.testing": {*SHARED, "agentfix.plugins", "agentfix.tools", "agentfix.lifecycle", "agentfix.models",
                         "agentfix.testing"},
    "agentfix.why": {*FOUNDATIONS, "agentfix.evidence"},
    "agentfix.view": {*SHARED, "agentfix.journal", "agentfix.evals", "agentfix.cli", "agentfix.why", "agentfix.view"},
    "agentfix.server": {*SHARED, "agentfix.agent", "agentfix.cli", "agentfix.server"},
    "agentfix.cli": {*SHARED, "agentfix.plugins", "agentfix.agent", "agentfix.models", "agentfix.sandbox",
                     "agentfix.journal", "agentfix.evals", "agentfix.doctor", "agentfix.tools", "agentfix.testing",
                     "agentfix.export", "agentfix.batch", "agentfix.cli"},
    "agentfix.repl": {*SHARED, "agentfix.plugins", "agentfix.agent", "agentfix.models", "agentfix.journal",
                      "agentfix.export", "agentfix.tools", "agentfix.why", "agentfix.cli", "agentfix.repl"},
    "agentfix.doctor": {*SHARED, "agentfix.plugins", "agentfix.models", "agentfix.sandbox", "agentfix.journal",
                        "agentfix.doctor"},
    "agentfix.export": {*FOUNDATIONS, "agentfix.evidence", "agentfix.steps", "agentfix.export"},
    "agentfix.bridges": {*SHARED, "agentfix.agent", "agentfix.bridges"},
    "agentfix.__main__": {"agentfix.cli"},
    **{leaf: {*SHARED, leaf} for leaf in LEAVES},
}
BOUNDARIES = {
    "langgraph": ["agentfix/graph/build.py"],
    "llama_cpp": ["agentfix/models/llamacpp/"],
    "llguidance": ["agentfix/models/llamacpp/guidance.py"],
    "openai": ["agentfix/models/openai/"],
    "httpx": ["agentfix/models/hugging_face.py", "agentfix/tools/http.py", "agentfix/evals/download.py"],
    "httpcore": ["agentfix/tools/http.py", "agentfix/tools/connecting.py"],
    "httpx2": ["agentfix/models/openai/", "plugins/mcp/"],
    "mcp": ["plugins/mcp/"],
    "mcp_types": ["plugins/mcp/"],
    "starlette": ["agentfix/view/server.py", "agentfix/server/"],
    "uvicorn": ["plugins/mcp/listening.py", "agentfix/view/serving.py", "agentfix/server/serving.py",
                "agentfix/server/connection.py"],
    "h11": ["agentfix/server/connection.py"],
    "prometheus_client": ["agentfix/server/metrics.py"],
    "tenacity": ["agentfix/models/openai/model.py"],
    "keyring": ["agentfix/settings.py"],
    "docker": ["agentfix/sandbox/docker/", "agentfix/doctor/parts.py"],
    "pydantic_monty": ["agentfix/sandbox/embedded/"],
    "pluggy": ["agentfix/hookspecs.py", "agentfix/plugins/"],
    "click": ["agentfix/cli/", "agentfix/repl/", "agentfix/view/command.py", "agentfix/server/command.py",
              "plugins/corpus_search/__init__.py", "plugins/corpus_search/commands.py",
              "plugins/mcp/commands.py", "plugins/policies/__init__.py", "plugins/policies/commands.py"],
    "rich": ["agentfix/cli/", "agentfix/repl/screen.py"],
    "prompt_toolkit": ["agentfix/repl/prompt.py", "agentfix/repl/completion.py", "agentfix/repl/screen.py"],
    "tomlkit": ["agentfix/cli/plugins/"],
    "psycopg": ["agentfix/journal/postgres/"],
    "psycopg_pool": ["agentfix/journal/postgres/"],
    "ddgs": ["plugins/web_search/engines/duckduckgo.py"],
    "pypdf": ["plugins/corpus_search/pdf.py", "plugins/fetch_page/worker.py"],
    "trafilatura": ["plugins/corpus_search/html.py", "plugins/fetch_page/worker.py"],
    "inspect_ai": ["agentfix/bridges/inspect.py"],
    "opentelemetry": ["plugins/opentelemetry/spans.py"],
    "ray": ["agentfix/batch/ray.py"],
    "sympy": ["plugins/"],
    "pint": ["plugins/"],
}
"""The only places that may import a third party's package."""


@dataclass(frozen=True)
class Module:
    """A source file and the modules it imports at run time or for types."""

    path: str
    name: str
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from self._imported_from(node)

    def _imported_from(self, node: ast.ImportFrom) -> Iterator[str]:
        base = node.module or ""
        if node.level:
            parents = self.name.split(".")[: -node.level]
            base = ".".join([*parents, base] if base else parents)
        if base in {"agentfix", "agentfix_plugins"}:
            # `from agentfix import graph` imports a room, `from agentfix import Tool` a public name.
            rooms = ROOT / base.replace("agentfix_plugins", "plugins")
            for alias in node.names:
                is_room = (rooms / f"{alias.name}.py").exists() or (rooms / alias.name).is_dir()
                yield f"{base}.{alias.name}" if is_room else base
        else:
            yield base


def modules(folder: str) -> list[Module]:
    found: list[Module] = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        name = path.removesuffix(".py").replace("/", ".")
        name = f"agentfix_{name}" if folder == "plugins" else name
        found.append(Module(path, name, ast.parse(file.read_text(encoding="utf-8"))))
    return found


ENGINE = modules("agentfix")
PLUGINS = modules("plugins")


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def room_of(module: Module) -> str:
    return ".".join(module.name.split(".")[:2])


@pytest.mark.parametrize("module", [m for m in ENGINE if room_of(m) not in WIRING], ids=lambda m: m.path)
def test_rooms_import_only_what_they_may(module):
    room = room_of(module)
    allowed = set(FOUNDATIONS[: FOUNDATIONS.index(room) + 1]) if room in FOUNDATIONS else MAY_IMPORT.get(room)
    assert allowed is not None, f"{room} is a new room: say in MAY_IMPORT what it may import"
    wrong = [name for name in module.imports() if name.split(".")[0] == "agentfix" and not within(name, allowed)]
    assert wrong == [], f"{module.path} may not import {wrong}"


def test_only_the_agent_wires_parts_together():
    looking = {"agentfix.cli", "agentfix.view", "agentfix.repl", "agentfix.doctor"}
    for room, others in (("agentfix.graph", set()), ("agentfix.journal", looking)):
        users = {room_of(m) for m in ENGINE if any(within(name, {room}) for name in m.imports())}
        assert users - {room} - others == {"agentfix.agent"}


@pytest.mark.parametrize("package", BOUNDARIES)
def test_a_third_party_stays_behind_its_boundary(package):
    places = tuple(BOUNDARIES[package])
    users = [m.path for m in [*ENGINE, *PLUGINS] if any(within(name, {package}) for name in m.imports())]
    assert [path for path in users if not path.startswith(places)] == []


@pytest.mark.parametrize("module", PLUGINS, ids=lambda m: m.path)
def test_plugins_import_public_names_only(module):
    own = ".".join(module.name.split(".")[:2])
    for name in module.imports():
        if name.split(".")[0] in {"agentfix", "agentfix_plugins"}:
            assert name == "agentfix" or within(name, {own}), f"{module.path} imports {name}"


@pytest.mark.parametrize("module", ENGINE, ids=lambda m: m.path)
def test_the_engine_knows_no_plugin(module):
    assert not [name for name in module.imports() if within(name, {"agentfix_plugins", "plugins"})]


@pytest.mark.parametrize("module", [*ENGINE, *PLUGINS], ids=lambda m: m.path)
def test_files_and_functions_stay_small(module):
    lines = (ROOT / module.path).read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= FILE_LINES
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{module.path}: {node.name} is too long"


def test_only_settings_reads_the_environment():
    readers = {
        m.path for m in [*ENGINE, *PLUGINS] for node in ast.walk(m.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", "environ"), ("os", "getenv"), ("os", "putenv")}
    }
    assert readers <= {"agentfix/settings.py"}
