"""The conversation at a terminal: `agentfix repl`. A face: what it does, a program can do with `Agent`."""
