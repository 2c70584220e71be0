"""`python -m agentfix` is the `agentfix` command."""

import sys

from agentfix.cli.main import main

sys.exit(main())
