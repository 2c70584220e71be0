"""Looks at agentfix's own parts: models, sandboxes, and what its tools and plugins need."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from agentfix.doctor.finding import Finding
from agentfix.errors import AgentFixError, SandboxUnavailableError
from agentfix.plugins import Plugins
from agentfix.settings import LOCAL, Settings, split_model

IMPORT_TIMEOUT_S = 30.0
DOCKER_TIMEOUT_S = 3


def check_model(settings: Settings) -> Finding:
    """The model that is used unless another is asked for."""
    from agentfix.models.catalog import open_catalogue  # noqa: PLC0415 - needs an HTTP client

    backend, name = split_model(settings.model)
    if backend != LOCAL:
        return Finding("model", "ok", f"{settings.model} (not a file on this machine)")
    catalogue = open_catalogue(settings)
    try:
        path = catalogue.locate(name)
    except AgentFixError as error:
        return Finding("model", "broken", error.message, error.hint or "Set another model.")
    if path is None:
        return Finding("model", "missing", f"{name} is not on disk; it is fetched when it is first used",
                       f"agentfix models pull {shlex.quote(name)}")
    return Finding("model", "ok", f"{name}, {path.stat().st_size / 1e6:,.0f} MB, {path}")


def check_embedded() -> Finding:
    """The interpreter that runs programs without Docker; loaded in another process, which may crash."""
    name, package = "embedded sandbox", "pydantic-monty"
    if not find_spec("pydantic_monty"):
        return Finding(name, "missing", f"{package} is not installed", pip_install(f"{package}==1.4.0"))
    try:
        done = subprocess.run([sys.executable, "-P", "-c", "import pydantic_monty"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=IMPORT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(name, "broken", f"{package} did not load within {IMPORT_TIMEOUT_S:g} s")
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return Finding(name, "broken", f"{package} does not load: {reason}",
                       pip_install(f"--force-reinstall {package}==1.4.0"))
    return Finding(name, "ok", f"{package} {version(f'{package}-client')}")


def check_docker(settings: Settings) -> tuple[Finding, ...]:
    """The Docker engine and the sandbox image in it."""
    import docker  # noqa: PLC0415 - heavy
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415

    from agentfix.sandbox.docker.recipe import require_current  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=DOCKER_TIMEOUT_S)
    except (DockerException, OSError) as error:
        return (Finding("docker", "optional", f"no engine answers ({_first_line(error)}); programs that need numpy, "
                        "files or all of Python can't run", "Install Docker and start it: "
                        "https://docs.docker.com/engine/install/"),)
    found: list[Finding] = []
    try:
        found.append(Finding("docker", "ok", f"engine {client.version().get('Version', '?')}"))
        image = client.images.get(settings.sandbox_image)
        require_current(settings.sandbox_image, image.labels)
        return *found, Finding("docker image", "ok", f"{settings.sandbox_image} {image.short_id}")
    except SandboxUnavailableError as error:
        return *found, Finding("docker image", "broken", error.message, error.hint)
    except ImageNotFound:
        return *found, Finding("docker image", "optional", f"{settings.sandbox_image!r} is not built",
                               "agentfix sandbox build")
    except (DockerException, OSError) as error:
        return (Finding("docker", "broken", _first_line(error), "Look at the engine: docker info"),)
    finally:
        client.close()


def check_calculator() -> Finding:
    """What the calculator computes with."""
    return _packages("calculator", {"sympy": "sympy>=1.13", "pint": "pint>=0.24"}, "exact arithmetic and units need it")


def check_documents() -> Finding:
    """What `agentfix corpus` reads files with."""
    return _packages("documents", {"pypdf": "pypdf>=5.0", "trafilatura": "trafilatura>=2.0"},
                     "searching PDF and HTML files needs it")


def check_search() -> Finding:
    """What web search needs."""
    return _packages("web search", {"ddgs": "ddgs"}, "searching the web without a key needs it")


def check_conversation() -> Finding:
    """What a conversation at a terminal is typed with."""
    return _packages("conversation", {"prompt_toolkit": "prompt-toolkit>=3.0.40"},
                     "editing, completion and history in agentfix repl need it")


def check_plugins(settings: Settings) -> tuple[Finding, ...]:
    """Plugins that are installed but can't be used."""
    plugins = Plugins(settings)
    broken = tuple(Finding(f"plugin {info.name}", "broken", info.problem,
                           "Update or uninstall it, or name it in disabled_plugins in agentfix.toml.")
                   for info in plugins.problems())
    return broken or (Finding("plugins", "ok", f"{len(plugins.infos())} in use"),)


def pip_install(what: str) -> str:
    """A command for this interpreter's environment."""
    return f"{shlex.quote(sys.executable)} -m pip install {what}"


def _packages(name: str, modules: dict[str, str], purpose: str) -> Finding:
    absent = [module for module in modules if not find_spec(module)]
    if absent:
        wanted = " ".join(shlex.quote(modules[module]) for module in absent)
        return Finding(name, "optional", f"{' and '.join(absent)} not installed; {purpose}", pip_install(wanted))
    return Finding(name, "ok", ", ".join(f"{module} {_version(module)}" for module in modules))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
