"""The image of the docker sandbox: what it is made of, when it is made anew, and what is said when it can't be made."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentfix import ConfigError, Limits, SandboxError, SandboxUnavailableError, Session, load_settings
from agentfix.doctor.parts import check_docker
from agentfix.sandbox.docker import DockerSandbox
from agentfix.sandbox.docker.complaints import explain
from agentfix.sandbox.docker.engine import Engine
from agentfix.sandbox.docker.images import build_image
from agentfix.sandbox.docker.recipe import DEFAULT_BASE, DEFAULT_PACKAGES, Recipe, read_recipe, require_current
from agentfix.sandbox.docker.sources import copy_image_files, digest, image_files

SANDBOXES = Path(__file__).parent.parent.parent / "sandboxes"
RECIPE = Recipe("agentfix-python", DEFAULT_BASE, DEFAULT_PACKAGES, digest())
OUTDATED = replace(RECIPE, sources="0" * 64)
MADE = "agentfix-test-made"
DERIVED = "agentfix-test-derived"


def test_an_image_is_made_of_the_whole_worker_and_neither_of_base_nor_profile(tmp_path: Path) -> None:
    worker = {f"worker/{file.name}" for file in (SANDBOXES / "python" / "worker").glob("*.py")}
    assert worker and set(image_files()) == {"Dockerfile", "install.py", *worker}
    copy_image_files(tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == set(image_files())


def test_labels_tell_what_an_image_was_made_of() -> None:
    assert read_recipe(RECIPE.labels()) == RECIPE
    assert read_recipe({}) is None
    require_current("agentfix-python", RECIPE.labels())


@pytest.mark.parametrize(("recipe", "command"), [
    (OUTDATED, "agentfix sandbox build"),
    (replace(OUTDATED, base="agentfix-base:0123456789ab"), "agentfix sandbox build --offline"),
    (replace(OUTDATED, base="python:3.13", packages=("numpy", "pandas>=2")),
     "agentfix sandbox build --packages 'numpy pandas>=2' --base python:3.13"),
])
def test_an_outdated_image_is_refused_with_the_command_that_makes_it_anew(recipe: Recipe, command: str) -> None:
    with pytest.raises(SandboxUnavailableError, match="another version") as caught:
        require_current("agentfix-python", recipe.labels())
    assert caught.value.hint == f"Make it anew: {command}"


def test_an_image_made_from_an_outdated_one_is_refused_with_the_way_to_both() -> None:
    with pytest.raises(SandboxUnavailableError, match="'my-image' was made by another version") as caught:
        require_current("my-image", OUTDATED.labels())
    assert "AGENTFIX_SANDBOX_IMAGE=agentfix-python agentfix sandbox build" in caught.value.hint
    assert "then make my-image from that" in caught.value.hint


def test_any_other_image_is_refused() -> None:
    with pytest.raises(SandboxUnavailableError, match="not made for the docker sandbox"):
        require_current("debian", {"maintainer": "somebody"})


@pytest.mark.parametrize(("said", "reason"), [
    ("ERROR: Could not find a version that satisfies the requirement nunpy (from versions: none)\n"
     "ERROR: No matching distribution found for nunpy", "the package index has no nunpy for its Python"),
    ("WARNING: Retrying (Retry(total=1)) after connection broken by 'NameResolutionError(\"<pip._vendor.urllib3>: "
     "Failed to resolve 'pypi.org'\")'\nERROR: No matching distribution found for numpy",
     "the package index can't be reached"),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
     "no space is left on the disk"),
    ("ERROR: Invalid requirement: '>=2': Expected package name", "'>=2' is no name of a package"),
    ("pull access denied for nosuch, repository does not exist or may require 'docker login'",
     "there is no such base image"),
    ('Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host',
     "the registry of its base can't be reached"),
    ("/usr/bin/python3: No module named pip\nThe command '/bin/sh -c python3 ...' returned a non-zero code: 1",
     "its base has no pip"),
    ("E: Could not resolve 'deb.debian.org'\nE: apt-get update failed", "Debian's packages can't be fetched"),
    ("I: doing this\nERROR: something new.\n", "something new"),
    ("", "no reason given"),
])
def test_why_an_image_can_not_be_made_is_found_in_what_was_said(said: str, reason: str) -> None:
    found, _ = explain(said.splitlines())
    assert found == reason


@pytest.fixture
def recipe(engine: Engine, image: str) -> Recipe:
    """How the image of these tests was made."""
    found = read_recipe(engine.api.inspect_image(image)["Config"]["Labels"])
    assert found is not None
    return found


@pytest.fixture
def derived(engine: Engine, image: str) -> Iterator[str]:
    """An image made by a person FROM ours."""
    _build(engine, DERIVED, f"FROM {image}\nENV MINE=1\n")
    yield DERIVED
    engine.api.remove_image(DERIVED, force=True)


def _build(engine: Engine, name: str, dockerfile: str) -> None:
    said = list(engine.api.build(fileobj=io.BytesIO(dockerfile.encode()), tag=name, rm=True, decode=True))
    assert not [line for line in said if "error" in line]


@pytest.mark.docker
def test_an_image_that_is_made_of_the_same_already_is_left_alone(recipe: Recipe) -> None:
    packages = recipe.packages[::-1]
    assert not build_image(recipe.image, base=recipe.base, packages=packages, offline=True, log=pytest.fail)


@pytest.mark.docker
async def test_an_image_is_made_runs_programs_and_is_made_anew_when_it_should_be_another(
    engine: Engine, recipe: Recipe
) -> None:
    if not engine.api.images(recipe.base):
        pytest.skip(f"The base {recipe.base} is not here any more.")
    lines: list[str] = []

    def build(base: str) -> bool:
        return build_image(MADE, base=base, packages=(), offline=True, log=lines.append)

    try:
        assert build(recipe.base) and lines
        assert not build(recipe.base)
        sandbox = DockerSandbox(MADE)
        session = await sandbox.open()
        try:
            result = await session.exec("import json\nanswer = 6 * 7", Limits(timeout_s=30), want="answer")
            assert (result.status, result.value) == ("ok", "42")
        finally:
            await session.aclose()
            await sandbox.aclose()
        _build(engine, f"{MADE}-base", f"FROM {recipe.base}\nENV NEW=1\n")
        assert build(f"{MADE}-base")
    finally:
        for name in (MADE, f"{MADE}-base"):
            if engine.api.images(name):
                engine.api.remove_image(name, force=True)


@pytest.mark.docker
async def test_an_image_made_from_ours_runs_programs_and_is_never_replaced_by_ours(derived: str) -> None:
    sandbox = DockerSandbox(derived)
    session = await sandbox.open()
    try:
        assert (await session.exec("import numpy", Limits(timeout_s=30))).status == "ok"
    finally:
        await session.aclose()
        await sandbox.aclose()
    with pytest.raises(ConfigError, match="is not replaced"):
        build_image(derived, offline=True, log=pytest.fail)


@pytest.mark.docker
def test_doctor_notices_an_outdated_image(engine: Engine, image: str) -> None:
    name = f"{DERIVED}-outdated"
    labels = " ".join(f"{label}={value!r}" for label, value in replace(OUTDATED, image=name).labels().items())
    _build(engine, name, f"FROM {image}\nLABEL {labels}\n".replace("'", '"'))
    try:
        *_, found = check_docker(load_settings({"sandbox_image": name}))
        assert (found.name, found.state) == ("docker image", "broken")
        assert found.mend.startswith("Make it anew: agentfix sandbox build")
    finally:
        engine.api.remove_image(name, force=True)


@pytest.mark.docker
@pytest.mark.parametrize(("base", "error", "said"), [
    ("agentfix-test-nowhere", SandboxUnavailableError, "There is no image 'agentfix-test-nowhere' to build on"),
    ("agentfix-test-empty", SandboxError, "its base has no shell or no python3"),
])
def test_a_base_that_will_not_do_is_one_line(
    engine: Engine, base: str, error: type[SandboxError], said: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    engine.api.import_image_from_file(str(tmp_path / "empty.tar"), repository="agentfix-test-empty")
    try:
        with pytest.raises(error, match=said):
            build_image(MADE, base=base, packages=("six",), offline=True, log=lambda line: None)
    finally:
        engine.api.remove_image("agentfix-test-empty")


READ_ONLY = """
import json, pathlib
import matplotlib.font_manager as fonts
import numpy.testing, pytest, sympy
made = [path for path in pathlib.Path('/tmp').rglob('fontlist*')]
kept = [pathlib.Path(module.__cached__) for module in (fonts, numpy, sympy, pytest, json)]
flags = {path.read_bytes()[4] for path in kept}
answer = (made, len(fonts.fontManager.ttflist) > 10, flags)
"""


@pytest.mark.docker
async def test_nothing_is_compiled_or_listed_anew_in_a_container(docker: Session, recipe: Recipe) -> None:
    if "matplotlib" not in recipe.packages:
        pytest.skip("This image is one of other packages.")
    result = await docker.exec(READ_ONLY, Limits(timeout_s=60), want="answer")
    assert (result.error, result.value) == ("", "([], True, {1})")
