"""Frames between the host and process 1: two u32 lengths, a JSON object, bytes."""

import json
import os
import struct

PROTOCOL = 2
LENGTHS = struct.Struct(">II")
HOST_IN = 0
HOST_OUT = 1
READ_BYTES = 65536


class ClosedError(Exception):
    """The host is gone."""


def send(header, body=b""):
    """Write one frame to the host. Blocks until the host has room for it."""
    text = json.dumps(header).encode()
    _write(LENGTHS.pack(len(text), len(body)) + text + body)


def receive():
    """Read one frame of the host: header and body.

    Raises:
        ClosedError: the host closed the connection.
    """
    header_bytes, body_bytes = LENGTHS.unpack(_read(LENGTHS.size))
    return json.loads(_read(header_bytes)), _read(body_bytes)


def _read(count):
    pieces = []
    while count:
        piece = os.read(HOST_IN, min(count, READ_BYTES))
        if not piece:
            raise ClosedError
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _write(data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(HOST_OUT, view):]
        except BrokenPipeError:
            raise ClosedError from None
