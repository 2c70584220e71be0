"""Traces for people to look at: the runs of a journal, and evaluations, as a local page or as one file.

The data is gathered by pure functions, as plain JSON in which all text is made visible (`agentfix.cli.visible`). The
page is served on this machine only, or written into one file that needs nothing else. Nothing here asks a model.
"""
