"""The tools that change files. Each asks before it acts, is checked by reading back, and can be undone."""

from __future__ import annotations

from agentfix import Claim, Evidence, FunctionTool, Observation, ToolCall, ToolContext, tool

from .acts import Act
from .contents import Content, encoded
from .editing import Edit
from .growth import Growth


def write_file(growth: Growth) -> FunctionTool:
    """The tool `write_file`."""
    act = Act("write_file", lambda call, before: encoded(call.arguments["content"]), growth)

    @tool(side_effects=True)
    def write_file(path: str, content: str, *, context: ToolContext) -> Observation:
        """Write a text file in the working folder. A file that is there is replaced; missing folders are made.

        Args:
            path: Where to write it in the working folder, such as notes/today.md.
            content: The whole text of the file.
        """
        return act.do(ToolCall("write_file", {"path": path, "content": content}), context)

    return _checked(write_file, act)


def edit_file(growth: Growth) -> FunctionTool:
    """The tool `edit_file`."""
    act = Act("edit_file", _edited, growth)

    @tool(side_effects=True)
    def edit_file(path: str, old: str, new: str, everywhere: bool = False, *, context: ToolContext) -> Observation:
        """Replace a text in a file of the working folder.

        Args:
            path: Which file, such as notes/today.md.
            old: The text to replace, exactly as it stands there, spaces and line ends included. It must occur once.
            new: What to put in its place.
            everywhere: Replace it wherever it occurs.
        """
        arguments = {"path": path, "old": old, "new": new, "everywhere": everywhere}
        return act.do(ToolCall("edit_file", arguments), context)

    return _checked(edit_file, act)


def delete_file(growth: Growth) -> FunctionTool:
    """The tool `delete_file`."""
    act = Act("delete_file", _deleted, growth)

    @tool(side_effects=True)
    def delete_file(path: str, *, context: ToolContext) -> Observation:
        """Delete a file in the working folder.

        Args:
            path: Which file, such as notes/today.md.
        """
        return act.do(ToolCall("delete_file", {"path": path}), context)

    return _checked(delete_file, act)


def _edited(call: ToolCall, before: Content | None) -> bytes:
    asked = call.arguments
    return Edit(asked["path"], asked["old"], asked["new"], asked.get("everywhere", False)).apply(before)


def _deleted(call: ToolCall, before: Content | None) -> None:
    if before is None:
        raise FileNotFoundError(call.arguments["path"])


def _checked(made: FunctionTool, act: Act) -> FunctionTool:
    @made.verifier
    def check(claim: Claim, *, context: ToolContext) -> Evidence | None:  # pyright: ignore[reportUnusedFunction]
        return act.check(claim, context)

    @made.undoer
    def undo(call: ToolCall, observation: Observation, *, context: ToolContext) -> Observation:  # pyright: ignore[reportUnusedFunction]
        return act.undo(call, observation, context)

    return made
