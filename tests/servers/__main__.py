"""Installs the servers that need environments of their own: `python -m tests.servers`.

A server that the package index does not have is left out, and its tests are skipped.
"""

from __future__ import annotations

import sys

from tests.servers import SERVERS


def main() -> None:
    for server in SERVERS:
        if not server.requirements or server.installed():
            continue
        sys.stdout.write(f"Installing {server.name} into {server.folder}.\n")
        sys.stdout.flush()
        if server.install():
            sys.stdout.write(f"{server.name} can't be installed here: its tests will be skipped.\n")


if __name__ == "__main__":
    main()
