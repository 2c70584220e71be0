"""The command line: a thin face of the engine. Importing it loads click and nothing heavier."""
