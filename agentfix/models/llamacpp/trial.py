"""A model file from elsewhere is loaded once by a process of its own: if llama.cpp crashes on it, that process ends.

Running the model there for good would cost nothing in speed, but each process of the user would have to find, start and
end it, and the cache could not be shared without one more protocol; nearly all crashes are those of loading a bad file,
and this catches them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import llama_cpp

from agentfix.errors import ModelUnavailableError
from agentfix.models.llamacpp.decoder import Row
from agentfix.models.llamacpp.llama import Llama
from agentfix.models.llamacpp.store import fingerprint
from agentfix.types import Sampling

CONTEXT_TOKENS = 256
TEXT = "Hello, world! 1, 2, 3.\n\tÄ \U0001f600"
UNUSABLE = 85
"""The exit status for a file that llama.cpp refuses by itself: whoever loads it for good will say so. So will they of
what raises in Python, whose status is 1."""
_TRIAL = f"""
import os, sys
os.environ["GGML_NO_BACKTRACE"] = "1"  # without it llama.cpp calls a debugger to its end
from {__name__} import main
sys.exit(main(sys.argv[1]))
"""


def try_out(path: Path, passed: Path) -> None:
    """Load a model file and use it a little in a process of its own, unless this file has passed before.

    Args:
        path: the GGUF file.
        passed: a folder in which it is noted what has passed.

    Raises:
        ModelUnavailableError: llama.cpp crashed.
    """
    note = passed / f"{fingerprint(path)}-{llama_cpp.__version__}"
    if note.exists() or not sys.executable or getattr(sys, "frozen", False):  # an app is no interpreter to be started
        return
    ended = subprocess.run([sys.executable, "-P", "-c", _TRIAL, str(path)], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if ended.returncode not in (0, 1, UNUSABLE):
        raise ModelUnavailableError(f"llama.cpp crashes on {str(path)!r} ({_how(ended)}).",
                                    "The file is damaged or made to do harm: get it again from where you trust.")
    if ended.returncode == 0:
        with suppress(OSError):  # then it is tried again the next time
            passed.mkdir(parents=True, exist_ok=True)
            note.touch()


def _how(ended: subprocess.CompletedProcess[bytes]) -> str:
    if ended.returncode < 0:
        with suppress(ValueError):
            return signal.Signals(-ended.returncode).name
    return f"status {ended.returncode}"


def main(file: str) -> int:
    """Load it, read a text and draw a token; returns the exit status."""
    try:
        llama = Llama(Path(file), context_tokens=CONTEXT_TOKENS, gpu_layers=0)
    except ModelUnavailableError:
        return UNUSABLE
    for which in ("bos", "eos"):
        llama.special_text(which)
    text = llama.opened(llama.tokenize(TEXT, special=True))
    llama.decode([Row(token, i, 0, True) for i, token in enumerate(text)])
    for sampling in (Sampling(), Sampling(temperature=1.0)):
        sampler = llama.sampler(sampling, 0, None)
        llama.draw(sampler, len(text) - 1)
        llama.free_sampler(sampler)
    llama.close()
    return 0
