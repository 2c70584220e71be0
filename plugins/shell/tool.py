"""Runs a command by a program that is run in the run's sandbox. The command is only ever text to this machine."""

from __future__ import annotations

from agentfix import ExecResult, Limits, Observation, ToolContext, ToolError, head_and_tail, tool

MAX_CHARACTERS = 20_000
"""Of a command."""
TEXT_CHARACTERS = 6_000
"""Of the output that a model is shown."""
DATA_CHARACTERS = 20_000
"""Of the output that is kept beside that."""
_MOST_FILES = 20
_PROGRAM = """\
import shutil, subprocess, sys
shell = shutil.which("bash") or "/bin/sh"
done = subprocess.run([shell, "-c", {command!r}], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
"""


@tool
async def shell(command: str, *, context: ToolContext) -> Observation:
    """Run a shell command (bash) in a sandbox with Linux and Python, without network. See what it prints and its exit
    status. Each command starts in an empty folder and leaves nothing behind: put steps that belong together into one
    command.

    Args:
        command: The command line or script.
    """
    if "\0" in command or len(command) > MAX_CHARACTERS:
        raise ToolError(f"A command has no NUL character and at most {MAX_CHARACTERS} characters.", status="refused")
    result = await context.sandbox.exec(_PROGRAM.format(command=command), Limits(timeout_s=context.timeout_s))
    if result.status in ("unsupported", "spawn_failed"):
        raise ToolError("A shell is in the docker sandbox only, which can't be had here. Use plain Python instead, "
                        f"with the tool python. ({result.error})", status="unavailable")
    output = result.stdout + result.stderr
    files = [artefact.path for artefact in result.artefacts][:_MOST_FILES]
    data = {"exit_status": result.exit_code, "output": head_and_tail(output, DATA_CHARACTERS), "files": files,
            "truncated": result.truncated or len(output) > DATA_CHARACTERS, "sandbox": result.sandbox}
    return Observation("shell", result.status, _told(result, output, files), data)


def _told(result: ExecResult, output: str, files: list[str]) -> str:
    ending = f"Exit status: {result.exit_code}"
    if result.exit_code is None:
        ending = f"Stopped: {result.status.replace('_', ' ')}{f': {result.error}' if result.error else ''}"
    lines = [ending]
    if output.strip():
        lines.append(head_and_tail(output.rstrip("\n"), TEXT_CHARACTERS))
    if files:
        lines.append(f"[It wrote {', '.join(files)}: gone with the sandbox.]")
    return "\n".join(lines)
