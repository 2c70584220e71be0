"""Sandboxes: where model-written programs run, never on the bare host.

The plugin `sandboxes` of the entry-point group; knows nothing about models, critics or graphs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfix.hookspecs import Build, Register, hookimpl

if TYPE_CHECKING:
    from agentfix.protocols import Sandbox


@hookimpl
def agentfix_register_sandboxes(register: Register) -> None:
    register("auto", _auto, "embedded, and docker for programs that need what it lacks")
    register("embedded", _embedded, "the Monty interpreter in a worker process: no system access, no daemon")
    register("docker", _docker, "full CPython with numpy, sympy, matplotlib and pytest in hardened containers")


def _embedded(build: Build) -> Sandbox:
    from agentfix.sandbox.embedded import EmbeddedSandbox  # noqa: PLC0415

    return EmbeddedSandbox()


def _docker(build: Build) -> Sandbox:
    from agentfix.sandbox.docker import DockerSandbox  # noqa: PLC0415

    settings = build.settings
    return DockerSandbox(settings.sandbox_image, preimports=settings.sandbox_preimports,
                         max_boxes=settings.sandbox_max_boxes, share=settings.sandbox_share,
                         runtime=settings.sandbox_runtime)


def _auto(build: Build) -> Sandbox:
    from agentfix.sandbox.auto import AutoSandbox  # noqa: PLC0415

    return AutoSandbox(_embedded(build), lambda: _docker(build))
