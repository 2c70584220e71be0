"""Looks at llama-cpp-python: whether it loads, and whether its build uses the GPU that is here."""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from agentfix.doctor.finding import Finding
from agentfix.settings import Settings

NAME = "llama-cpp-python"
PROBE_TIMEOUT_S = 60.0
"""Loading a CUDA build for the first time takes many seconds."""
_PROBE = """
import json, llama_cpp
from agentfix.models.llamacpp.devices import devices
from agentfix.models.llamacpp.log import silence
silence()
gpus = [[each.name, each.description, each.free_bytes, each.total_bytes] for each in devices() if each.kind == "gpu"]
print(json.dumps({"version": llama_cpp.__version__, "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
                  "system": llama_cpp.llama_print_system_info().decode(errors="replace"), "gpus": gpus}))
"""
Gpu: TypeAlias = Literal["NVIDIA", "Apple", "AMD", "Vulkan"]
_FLAGS: dict[Gpu, str] = {"NVIDIA": "-DGGML_CUDA=on", "Apple": "-DGGML_METAL=on", "AMD": "-DGGML_HIP=on",
                         "Vulkan": "-DGGML_VULKAN=on"}


@dataclass(frozen=True, slots=True)
class Build:
    """What llama-cpp-python says of itself."""

    version: str
    gpu: bool
    """Whether it can put layers on a GPU."""
    system: str
    """Its backends, and the processor's abilities that each was built for."""
    gpus: Sequence[tuple[str, str, int, int]] = ()
    """Those it sees: name, description, free and all bytes of memory."""


def probe(python: str = sys.executable, timeout_s: float = PROBE_TIMEOUT_S) -> Build | str:
    """Load llama-cpp-python in another process: a build for another CPU kills the one that loads it.

    Returns:
        The build, or why it does not load.
    """
    try:
        done = subprocess.run([python, "-P", "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not load within {timeout_s:g} s"
    try:
        return Build(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        last = (done.stderr.strip().splitlines() or [f"its process ended with status {done.returncode}"])[-1]
        return last.strip()


def find_gpu() -> Gpu | None:
    """The GPU that a build could use, the fastest way first."""
    if shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists():
        return "NVIDIA"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple"
    if shutil.which("rocminfo") or Path("/dev/kfd").exists():
        return "AMD"
    return "Vulkan" if shutil.which("vulkaninfo") else None


def check_llama(settings: Settings) -> tuple[Finding, ...]:
    """llama-cpp-python, then the GPU."""
    return describe(probe() if find_spec("llama_cpp") else None, find_gpu(), settings.gpu_layers)


def describe(build: Build | str | None, gpu: Gpu | None, gpu_layers: int = -1) -> tuple[Finding, ...]:
    """Say what a probe means.

    Args:
        build: as from `probe`; None when llama-cpp-python is not installed.
        gpu: as from `find_gpu`.
        gpu_layers: how many layers are to be put on a GPU; -1 for all.
    """
    if build is None:
        return (Finding(NAME, "missing", "not installed; local models need it", build_command(gpu)),)
    if isinstance(build, str):
        return (Finding(NAME, "broken", build, build_command(gpu)),)
    found = Finding(NAME, "ok", f"{build.version}; {' '.join(build.system.split())}")
    if build.gpu:
        return found, Finding("gpu", "ok", _describe_gpus(build, gpu_layers))
    if gpu is None:
        return found, Finding("gpu", "ok", "no GPU was found; models run on the CPU")
    detail = "the Vulkan tools are here" if gpu == "Vulkan" else f"an {gpu} GPU is here"
    return found, Finding("gpu", "optional", f"{detail}, but llama.cpp was built without it", build_command(gpu))


def _describe_gpus(build: Build, gpu_layers: int) -> str:
    if not build.gpus:
        return "llama.cpp was built with GPU offload, and sees no GPU"
    told = [f"{name}: {description}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"
            for name, description, free, total in build.gpus]
    layers = "all layers go" if gpu_layers < 0 else f"{gpu_layers} layers go"
    return f"{'; '.join(told)}; {layers} there (gpu_layers = {gpu_layers})"


def build_command(gpu: Gpu | None) -> str:
    """The command that builds llama-cpp-python for a GPU, or for the CPU."""
    flags = f'CMAKE_ARGS="{_FLAGS[gpu]}" ' if gpu else ""
    return (f"{flags}{shlex.quote(sys.executable)} -m pip install --force-reinstall --no-cache-dir "
            f"--no-binary {NAME} {NAME}")
