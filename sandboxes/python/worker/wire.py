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


_held = bytearray()


def hold(header, body=b""):
    """Add a frame to those that are written together. Returns how many bytes they are."""
    text = json.dumps(header).encode()
    _held.extend(LENGTHS.pack(len(text), len(body)))
    _held.extend(text)
    _held.extend(body)
    return len(_held)


def flush():
    """Write what was held to the host. Blocks until the host has room for it."""
    data = bytes(_held)
    _held.clear()
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(HOST_OUT, view):]
        except BrokenPipeError:
            raise ClosedError from None


def send(header, body=b""):
    """Write a frame to the host, after those that were held."""
    hold(header, body)
    flush()


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

