"""The worker: process 1 of a box, which runs the programs of one host and reports what became of them.

Standard library only, and no import after the start: what is imported later could come from a program's folder.
Started as `python3 -m worker`; it must be process 1 of a process namespace of its own, because it ends whatever else
runs there.
"""
