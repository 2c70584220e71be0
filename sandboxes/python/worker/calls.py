"""Functions of the host, called by a program: through process 1, one call at a time."""

import json
import socket
import threading

MESSAGE_BYTES = 128 * 1024
"""No call and no answer is longer: one message must fit into the channel, or process 1 would wait for a program."""


def channel():
    """Two ends: process 1's, which never blocks, and the program's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


def stubs(names, end):
    """What stands for functions of the host in a program, by name.

    Args:
        end: the program's end of the channel.
    """
    turn = threading.Lock()
    return {name: _stub(name, end, turn) for name in names}


def _stub(name, end, turn):
    def call(*args, **kwargs):
        try:
            asked = json.dumps([name, args, kwargs], allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"{name}() takes what JSON can say: {error}") from None
        if len(asked) > MESSAGE_BYTES:
            raise ValueError(f"{name}() was given more than {MESSAGE_BYTES} bytes")
        with turn:
            end.sendall(asked)
            said = json.loads(end.recv(2 * MESSAGE_BYTES) or b'{"error": "Nobody is there to answer."}')
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["value"]

    call.__name__ = call.__qualname__ = name
    return call


def take(end):
    """In process 1: a call that a program made; nothing where there is none, or nobody who could make one."""
    try:
        return end.recv(2 * MESSAGE_BYTES)
    except OSError:
        return b""


def give(end, said):
    """In process 1: the host's answer. A program that does not take it has ended, or waits for nothing."""
    try:
        end.send(said)
    except OSError:
        pass
