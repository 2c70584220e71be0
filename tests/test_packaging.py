"""What `pip install agentfix` brings stays small."""

from __future__ import annotations

import io
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
MOST_PACKAGES = 59
MOST_BYTES = 2_100_000
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def brought(requirements: list[str]) -> set[str]:
    """The packages that are installed for some requirements, those of those included."""
    found: dict[str, set[str]] = {}
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        extras = {"", *wanted.extras}
        new = extras - found.get(name, set())
        found[name] = found.get(name, set()) | extras
        for each in map(Requirement, requires(name) or ()) if new else ():
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in new):
                waiting.append(each)
    return set(found)


def test_the_base_install_brings_few_packages():
    packages = brought(PROJECT["project"]["dependencies"])
    assert len(packages) <= MOST_PACKAGES, sorted(packages)


def test_what_a_wheel_holds_is_small():
    patterns = ["*.py", *PROJECT["tool"]["setuptools"]["package-data"]["*"]]
    files = {path for folder in PROJECT["tool"]["setuptools"]["package-dir"].values()
             for pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*files, ROOT / "README.md"):
            archive.write(path, path.relative_to(ROOT))
    assert len(packed.getvalue()) + 60 * len(files) < MOST_BYTES  # each file has a line in the wheel's record
