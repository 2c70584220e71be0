"""Installs the servers that need environments of their own: `python -m tests.servers`.

Servers that the package index does not have are left out, and their tests are skipped.
"""

from __future__ import annotations

import sys

from tests.plugins.mcp.real import MCP_SERVERS
from tests.servers import SERVERS


def main() -> None:
    for home in (*(server.home for server in SERVERS if server.requirements), *MCP_SERVERS):
        if home.installed():
            continue
        sys.stdout.write(f"Installing {home.name} into {home.folder}.\n")
        sys.stdout.flush()
        if home.install():
            sys.stdout.write(f"{home.name} can't be installed here: its tests will be skipped.\n")


if __name__ == "__main__":
    main()
