"""A Docker engine of one's own, which can be killed: needs root, dockerd and unshare.

It lives in a folder, with a network and mounts of its own, so that it meets no other engine on this machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

START_S = 60.0
STOP_S = 60.0


def why_none() -> str:
    """Why there can't be such an engine here; empty when there can."""
    lacking = [each for each in ("dockerd", "docker", "unshare") if shutil.which(each) is None]
    if sys.platform != "linux" or os.geteuid() != 0:
        return "an engine of one's own needs Linux and root"
    return f"not installed: {', '.join(lacking)}" if lacking else ""


class OwnEngine:
    """An engine in a folder.

    Args:
        folder: where it keeps everything.
    """

    def __init__(self, folder: Path) -> None:
        self.address = f"unix://{folder}/engine.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["unshare", "--net", "--mount", "dockerd", "--data-root", f"{self._folder}/data", "--exec-root",
                   f"{self._folder}/exec", "--pidfile", f"{self._folder}/pid", "--host", self.address, "--bridge=none",
                   "--iptables=false"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while subprocess.run(["docker", "-H", self.address, "version"], capture_output=True).returncode:
            if self._process.poll() is not None or time.monotonic() > until:
                raise OSError(f"No engine started: {(self._folder / 'log').read_text(errors='replace')[-1000:]}")

    def load(self, image: str) -> None:
        """Copy an image from the engine that is used otherwise."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
            subprocess.run(["docker", "-H", self.address, "load", "-q"], stdin=saving.stdout, check=True,
                           capture_output=True)
        assert saving.returncode == 0

    def end(self, number: signal.Signals) -> None:
        """End it with a signal, and wait until it has ended, and what it started to keep its containers, too."""
        assert self._process is not None
        file = self._folder / "exec" / "containerd" / "containerd.pid"
        keeper = file.read_text() if file.exists() else ""
        self._process.send_signal(number)
        self._process.wait(STOP_S)
        while keeper and Path("/proc", keeper).exists():
            time.sleep(0.01)

    def close(self) -> None:
        """End it, unless it has ended."""
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGTERM)
