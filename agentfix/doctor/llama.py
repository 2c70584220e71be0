"""Looks at llama-cpp-python: whether it loads, and whether its build uses the GPU that is here."""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from agentfix.doctor.finding import Finding

NAME = "llama-cpp-python"
PROBE_TIMEOUT_S = 60.0
"""Loading a CUDA build for the first time takes many seconds."""
_PROBE = """
import json, llama_cpp
print(json.dumps({"version": llama_cpp.__version__, "gpu": bool(llama_cpp.llama_supports_gpu_offload()),
                  "system": llama_cpp.llama_print_system_info().decode(errors="replace")}))
"""
Gpu: TypeAlias = Literal["NVIDIA", "Apple", "Vulkan"]
_FLAGS: dict[Gpu, str] = {"NVIDIA": "-DGGML_CUDA=on", "Apple": "-DGGML_METAL=on", "Vulkan": "-DGGML_VULKAN=on"}


@dataclass(frozen=True, slots=True)
class Build:
    """What llama-cpp-python says of itself."""

    version: str
    gpu: bool
    """Whether it can put layers on a GPU."""
    system: str


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
    return "Vulkan" if shutil.which("vulkaninfo") else None


def check_llama() -> tuple[Finding, ...]:
    """llama-cpp-python, then the GPU."""
    return describe(probe() if find_spec("llama_cpp") else None, find_gpu())


def describe(build: Build | str | None, gpu: Gpu | None) -> tuple[Finding, ...]:
    """Say what a probe means.

    Args:
        build: as from `probe`; None when llama-cpp-python is not installed.
        gpu: as from `find_gpu`.
    """
    if build is None:
        return (Finding(NAME, "missing", "not installed; local models need it", build_command(gpu)),)
    if isinstance(build, str):
        return (Finding(NAME, "broken", build, build_command(gpu)),)
    found = Finding(NAME, "ok", f"{build.version}; {' '.join(build.system.split())}")
    if build.gpu:
        return found, Finding("gpu", "ok", "llama.cpp was built with GPU offload")
    if gpu is None:
        return found, Finding("gpu", "ok", "no GPU was found; models run on the CPU")
    detail = "the Vulkan tools are here" if gpu == "Vulkan" else f"an {gpu} GPU is here"
    return found, Finding("gpu", "optional", f"{detail}, but llama.cpp was built without it", build_command(gpu))


def build_command(gpu: Gpu | None) -> str:
    """The command that builds llama-cpp-python for a GPU, or for the CPU."""
    flags = f'CMAKE_ARGS="{_FLAGS[gpu]}" ' if gpu else ""
    return (f"{flags}{shlex.quote(sys.executable)} -m pip install --force-reinstall --no-cache-dir "
            f"--no-binary {NAME} {NAME}")
