"""A world of text files in folders."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix import Claim, FunctionTool, Observation, ToolCall, ToolError, tool
from tests.bench.worlds import Job, seen


@dataclass
class Files:
    """Texts by path. Lines for a locked file wait until it is unlocked, and nobody is told."""

    texts: dict[str, str]
    folders: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folders |= {path.rpartition("/")[0] for path in self.texts}

    def tools(self) -> list[FunctionTool]:
        return [self._list(), self._read(), self._write(), self._append(), self._move(), self._delete(), self._folder(),
                self._unlock()]

    def _of(self, path: str) -> str:
        if path not in self.texts:
            raise ToolError(f"There is no file {path!r}.")
        return self.texts[path]

    def _free(self, path: str) -> None:
        if path in self.texts:
            raise ToolError(f"{path!r} exists already.")
        if path.strip("/") in self.folders:
            raise ToolError(f"{path!r} is a folder: name the file in it too.")
        folder = path.rpartition("/")[0]
        if folder and folder not in self.folders:
            raise ToolError(f"There is no folder {folder!r}.")

    def _list(self) -> FunctionTool:
        @tool
        def list_files(folder: str) -> str:
            """List the files of a folder, one path a line.

            Args:
                folder: Such as notes.
            """
            if folder.strip("/") not in self.folders:
                raise ToolError(f"There is no folder {folder!r}. The folders are: {', '.join(sorted(self.folders))}.")
            inside = (path for path in sorted(self.texts) if path.rpartition("/")[0] == folder.strip("/"))
            return "\n".join(inside) or "(no files)"

        return list_files

    def _read(self) -> FunctionTool:
        @tool
        def read_file(path: str) -> str:
            """Read a file.

            Args:
                path: Such as notes/todo.txt.
            """
            return self._of(path) or "(empty)"

        return read_file

    def _write(self) -> FunctionTool:
        @tool(side_effects=True)
        def write_file(path: str, text: str) -> str:
            """Write a new file. Its folder must exist, the file must not.

            Args:
                path: Such as notes/todo.txt.
                text: All that the file will hold.
            """
            self._free(path)
            self.texts[path] = text
            return f"{path} was written."

        @write_file.verifier
        def holds(claim: Claim):
            path, text = (claim.call.arguments[k] for k in ("path", "text"))
            return seen(self.texts.get(path) == text, f"{path} holds {self.texts.get(path)!r}")

        @write_file.undoer
        def unwrite(call: ToolCall, observation: Observation):
            del self.texts[call.arguments["path"]]

        return write_file

    def _append(self) -> FunctionTool:
        @tool(side_effects=True)
        def append_line(path: str, line: str) -> str:
            """Add a line at the end of a file.

            Args:
                path: Such as notes/todo.txt.
                line: Without a line end.
            """
            text = self._of(path)
            if path not in self.locked:
                self.texts[path] = f"{text}{line}\n"
            return f"The line was accepted for {path}."

        @append_line.verifier
        def stands(claim: Claim):
            path, line = (claim.call.arguments[k] for k in ("path", "line"))
            if line in self.texts.get(path, "").splitlines():
                return seen(True, f"{path} holds the line")
            why = "it is locked: unlock it, then add the line again" if path in self.locked else "it is not there"
            return seen(False, f"{path} does not hold the line {line!r}; {why}")

        @append_line.undoer
        def take_out(call: ToolCall, observation: Observation):
            path, line = (call.arguments[k] for k in ("path", "line"))
            self.texts[path] = self._of(path).removesuffix(f"{line}\n")

        return append_line

    def _move(self) -> FunctionTool:
        @tool(side_effects=True)
        def move_file(source: str, target: str) -> str:
            """Move or rename a file. The target must not exist.

            Args:
                source: Where it is, such as notes/todo.txt.
                target: Where it will be, with its name.
            """
            text = self._of(source)
            self._free(target)
            self.texts[target] = text
            del self.texts[source]
            return f"{source} is now {target}."

        @move_file.verifier
        def moved(claim: Claim):
            source, target = (claim.call.arguments[k] for k in ("source", "target"))
            return seen(target in self.texts and source not in self.texts, f"{target} is there in place of {source}")

        @move_file.undoer
        def move_back(call: ToolCall, observation: Observation):
            self.texts[call.arguments["source"]] = self.texts.pop(call.arguments["target"])

        return move_file

    def _delete(self) -> FunctionTool:
        @tool(side_effects=True)
        def delete_file(path: str) -> Observation:
            """Delete a file.

            Args:
                path: Such as notes/todo.txt.
            """
            text = self._of(path)
            del self.texts[path]
            return Observation("delete_file", "ok", f"{path} was deleted.", {"text": text})

        @delete_file.verifier
        def gone(claim: Claim):
            return seen(claim.call.arguments["path"] not in self.texts, f"{claim.call.arguments['path']} is gone")

        @delete_file.undoer
        def bring_back(call: ToolCall, observation: Observation):
            self.texts[call.arguments["path"]] = observation.data["text"]

        return delete_file

    def _folder(self) -> FunctionTool:
        @tool(side_effects=True)
        def make_folder(path: str) -> str:
            """Make a folder."""
            if path in self.folders:
                raise ToolError(f"The folder {path!r} exists already.")
            self.folders.add(path)
            return f"The folder {path} was made."

        @make_folder.undoer
        def remove(call: ToolCall, observation: Observation):
            self.folders.discard(call.arguments["path"])

        return make_folder

    def _unlock(self) -> FunctionTool:
        @tool(side_effects=True)
        def unlock_file(path: str) -> str:
            """Unlock a locked file, so that it can be changed."""
            self._of(path)
            self.locked.discard(path)
            return f"{path} is not locked."

        return unlock_file


JOBS = (
    Job("archive", "Move the files in the folder inbox whose names end in .txt to the folder archive. Leave the others "
        "where they are.",
        lambda: Files({"inbox/ann.txt": "a", "inbox/logo.png": "p", "inbox/bob.txt": "b", "archive/old.txt": "o"}),
        lambda w: w.texts == {"archive/ann.txt": "a", "inbox/logo.png": "p", "archive/bob.txt": "b",
                              "archive/old.txt": "o"}),
    Job("backup", "Add the line 'buy stamps' at the end of notes/todo.txt. Then write the file notes/backup.txt with "
        "the same lines as notes/todo.txt has then.",
        lambda: Files({"notes/todo.txt": "call Ann\nwater plants\n"}),
        lambda w: w.texts.get("notes/todo.txt", "").split("\n")[:3] == ["call Ann", "water plants", "buy stamps"]
        and w.texts.get("notes/backup.txt", "").split() == w.texts.get("notes/todo.txt", "").split()),
    Job("empty", "Delete the files in the folder tmp that are empty, and no others.",
        lambda: Files({"tmp/a.log": "", "tmp/b.log": "line\n", "tmp/c.log": "", "tmp/d.log": "x"}),
        lambda w: set(w.texts) == {"tmp/b.log", "tmp/d.log"}),
    Job("total", "The files data/jan.txt, data/feb.txt and data/mar.txt each hold a number. Write their sum, and "
        "nothing else, to the file report/sum.txt.",
        lambda: Files({"data/jan.txt": "120\n", "data/feb.txt": "85\n", "data/mar.txt": "240\n"}),
        lambda w: w.texts.get("report/sum.txt", "").strip() == "445"),
    Job("rename", "Rename draft.md in the folder docs to final.md. If there is a final.md already, delete that one "
        "first.",
        lambda: Files({"docs/draft.md": "new", "docs/final.md": "old"}),
        lambda w: w.texts == {"docs/final.md": "new"}),
    Job("broken", "One file in the folder logs holds the word ERROR. Move it to the folder broken.",
        lambda: Files({"logs/mon.log": "ok", "logs/tue.log": "ok\nERROR disk\n", "logs/wed.log": "ok"},
                      folders={"broken"}),
        lambda w: set(w.texts) == {"logs/mon.log", "broken/tue.log", "logs/wed.log"}),
    Job("locked", "Add the line 'debug=off' to config/dev.ini and the line 'host=example.org' to config/app.ini.",
        lambda: Files({"config/dev.ini": "a=1\n", "config/app.ini": "b=2\n"}, locked={"config/app.ini"}),
        lambda w: w.texts == {"config/dev.ini": "a=1\ndebug=off\n", "config/app.ini": "b=2\nhost=example.org\n"}),
)
