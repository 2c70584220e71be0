"""`agentfix mcp` with a model that says what it is told: `python served.py FOLDER STEPS ARGUMENT...`.

At a step `wait` the model never answers, and notes in FOLDER/waiting when it is asked and when it is given up.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from agentfix import Agent
from agentfix.cli.main import main
from agentfix.journal import SqliteJournal
from agentfix.plugins import Plugins
from agentfix.testing import ScriptedModel, script_plugin

FOLDER = Path(sys.argv[1])


class Model(ScriptedModel):
    async def generate(self, request, *, on_delta=None):
        print("what a plugin prints")  # noqa: T201 - it must not reach the client
        os.write(1, b"what a library writes\n")
        said = await super().generate(request, on_delta=on_delta)
        if said[0].text == "wait":
            with (FOLDER / "waiting").open("a", encoding="utf-8") as file:
                file.write("asked\n")
                file.flush()
                try:
                    await asyncio.Event().wait()
                finally:
                    file.write("given up\n")
        return said


def make(settings):
    settings = settings.model_copy(update={"model": "scripted:", "sandbox": "embedded"})
    plugins = Plugins(settings, {"script": script_plugin(Model(json.loads(sys.argv[2])))})
    return Agent(settings, plugins, journal=SqliteJournal(FOLDER / "journal.sqlite"))


sys.exit(main(["mcp", *sys.argv[3:]], make_agent=make))
