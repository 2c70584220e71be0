"""A plugin for conversations at a terminal: a model that says what a folder tells it to, a tool with side effects, a
command. What was said already is kept in the folder, so that it goes on in another process."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from agentfix import Completion, Delta, Usage, hookimpl, tool

HANGS = "..."
"""A text that ends so is streamed up to here, and then nothing comes any more; `FOLDER/stuck`, a named pipe where
there is one, tells."""


class FolderModel:
    """Says the texts of `FOLDER/says.json` in order, word by word, and keeps the prompts in `FOLDER/asked.jsonl`."""

    def __init__(self, folder):
        self.name = "script"
        self.folder = Path(folder)

    async def generate(self, request, *, on_delta=None):
        completions = []
        for index in range(request.n):
            text = self._next(request)
            for word in re.findall(r"\s*\S+\s*", text.removesuffix(HANGS)):
                if on_delta is not None:
                    on_delta(Delta(word, index))
                await asyncio.sleep(0)
            if text.endswith(HANGS):
                if (pipe := self.folder / "stuck").exists():
                    pipe.write_text("stuck", encoding="utf-8")
                await asyncio.Event().wait()
            completions.append(Completion(text, usage=Usage(10, 0, len(text.split()))))
        return completions

    async def aclose(self):
        pass

    def _next(self, request):
        with (self.folder / "asked.jsonl").open("a+", encoding="utf-8") as asked:
            asked.seek(0)
            said = len(asked.readlines())
            asked.write(json.dumps([message.content for message in request.messages]) + "\n")
        return json.loads((self.folder / "says.json").read_text(encoding="utf-8"))[said]


@tool(side_effects=True)
def post(letter: str) -> str:
    """Send a letter."""
    with Path("posted.txt").open("a", encoding="utf-8") as file:
        file.write(f"{letter}\n")
    return f"{letter} is sent."


async def shout(argument, repl):
    answer = "nothing" if repl.result is None else repl.result.answer
    repl.say(f"{argument.upper()} {answer} \x1b[31m")


@hookimpl
def agentfix_register_models(register):
    register("script", lambda build: FolderModel(build.argument))


@hookimpl
def agentfix_register_tools(register):
    register(post)


@hookimpl
def agentfix_register_slash_commands(register):
    register("shout", lambda build: shout, "Say it loudly.")
