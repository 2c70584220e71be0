"""Installs packages while an image is made: from wheels in /tmp/wheels, and from the package index too unless
PIP_NO_INDEX is set.

usage: python3 install.py FOLDER [PACKAGE]...

Standard library only; pip itself may come as a wheel, for a base image that has none. A container's root is read-only:
what packages would write there when they are used first is made here.
"""

import compileall
import os
import pathlib
import py_compile
import shutil
import subprocess
import sys

WHEELS = pathlib.Path("/tmp/wheels")
LISTS_FONTS = "\nfontManager = _load_fontmanager()\n"
READS_FONTS = "\nfontManager = json_load(Path(__file__).with_name('fontlist.json'))\n"


def main(folder, packages):
    folder.mkdir(parents=True, exist_ok=True)
    if packages:
        install(folder, packages)
    for tests in [path for path in folder.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)  # one within another is gone with it
    if (folder / "matplotlib").is_dir():
        keep_font_list(folder)
    compileall.compile_dir(folder, quiet=2, workers=0, force=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def install(folder, packages):
    pip = [str(wheel) for wheel in WHEELS.glob("pip-*.whl")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--only-binary=:all:", "--retries=2",
         "--disable-pip-version-check", "--root-user-action=ignore", f"--target={folder}", f"--find-links={WHEELS}",
         "--", *packages], env={**os.environ, "PYTHONPATH": os.pathsep.join(pip)}, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def keep_font_list(folder):
    """matplotlib looks for fonts, half a second long, wherever it finds no list in a folder that it may write to. No
    such folder outlives a container, so the list is made now, and read from beside the module."""
    module = folder / "matplotlib" / "font_manager.py"
    subprocess.run([sys.executable, "-c", "import sys, matplotlib.font_manager as fonts\n"
                    "fonts.json_dump(fonts.fontManager, sys.argv[1])", str(module.with_name("fontlist.json"))],
                   env={**os.environ, "PYTHONPATH": str(folder), "MPLCONFIGDIR": "/tmp/matplotlib"}, check=True)
    module.write_text(module.read_text("utf-8").replace(LISTS_FONTS, READS_FONTS), "utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
