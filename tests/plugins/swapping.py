"""Acts in a folder while links are put in the place of its subfolder, at each moment in turn; prints what got out.

An audit hook can't be taken away again, so this is a process of its own: `python swapping.py FOLDER CLASS`.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from itertools import product
from pathlib import Path

from agentfix_plugins.files.anchored import AnchoredFolder
from agentfix_plugins.files.checked import CheckedFolder
from agentfix_plugins.files.contents import Content

from agentfix import ToolError

MOMENTS = 12
SYSTEM_CALLS = ("open", "os.mkdir", "os.rename", "os.remove", "os.scandir", "os.chmod")


class Swapper:
    """Puts a link to the outside in the place of `sub` just before a system call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left = 0
        sys.addaudithook(self.hook)

    def hook(self, event: str, _: tuple[object, ...]) -> None:
        if self.left and event in SYSTEM_CALLS:
            self.left -= 1
            if self.left == 0:
                with suppress(FileNotFoundError):
                    (self.root / "work/sub").rename(self.root / "work/moved")
                (self.root / "work/link").rename(self.root / "work/sub")


def laid_out(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("work/sub", "outside"):
        (root / folder).mkdir(parents=True)
        (root / folder / "a.txt").write_text("inside" if folder == "work/sub" else "secret")
    (root / "work/link").symlink_to(root / "outside")


def act(folder: AnchoredFolder | CheckedFolder, name: str) -> object:
    match name:
        case "read":
            return folder.read(("sub", "a.txt"))
        case "write":
            return folder.write(("sub", "a.txt"), Content(b"mine"))
        case "remove":
            return folder.remove(("sub", "a.txt"))
        case _:
            return folder.entries(("sub",))


def main(root: Path, make: type[AnchoredFolder | CheckedFolder]) -> None:
    swapper = Swapper(root)
    for moment, name in product(range(1, MOMENTS + 1), ("read", "write", "remove", "entries")):
        laid_out(root)
        swapper.left = moment
        seen: object = None
        with suppress(ToolError, OSError):
            seen = act(make(root / "work"), name)
        swapper.left = 0
        kept = [(path.name, path.read_text()) for path in (root / "outside").iterdir()] == [("a.txt", "secret")]
        if not kept or (isinstance(seen, Content) and seen.data == b"secret"):
            sys.stdout.write(f"{name} at {moment}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), {"anchored": AnchoredFolder, "checked": CheckedFolder}[sys.argv[2]])
