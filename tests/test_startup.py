"""Starting is light: nothing heavy is imported before it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import agentfix

HEAVY = {"langgraph", "langchain_core", "openai", "llama_cpp", "numpy", "docker", "pydantic_monty", "sympy", "pint",
         "httpx", "rich"}
HEAVY_FOR_HELP = HEAVY | {"pydantic", "pluggy", "jinja2", "asyncio", "importlib.metadata"}
REPORT = "\nimport json, sys; sys.stdout.write('\\n' + json.dumps(sorted(sys.modules)))"


def modules_after(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program + REPORT], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_agentfix_loads_nothing_heavy():
    assert modules_after("import agentfix") & HEAVY == set()


def test_every_public_name_but_the_agent_is_light():
    names = ", ".join(name for name in agentfix.__all__ if name != "Agent")
    assert modules_after(f"from agentfix import {names}") & HEAVY == set()


def test_help_loads_click_and_nothing_heavier():
    loaded = modules_after("from agentfix.cli.main import main; main(['--help'])")
    assert "click" in loaded
    assert loaded & HEAVY_FOR_HELP == set()


def test_the_first_prompt_waits_for_nothing_heavy():
    loaded = modules_after("import agentfix.repl.command, agentfix.repl.prompt, agentfix.repl.completion\n"
                           "from agentfix.settings import load_settings; load_settings()")
    assert "prompt_toolkit" in loaded
    assert loaded & (HEAVY | {"pluggy", "jinja2", "jsonschema"}) == set()


def test_listing_parts_loads_none_of_them():
    assert modules_after("from agentfix.cli.main import main; main(['plugins'])") & HEAVY == set()


@pytest.mark.parametrize("name", agentfix.__all__)
def test_public_names_resolve(name):
    assert getattr(agentfix, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'Nothing'"):
        _ = agentfix.Nothing
