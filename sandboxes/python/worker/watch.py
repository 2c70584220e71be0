"""Watches a program from outside: passes on what it prints, keeps its time, and hears the host."""

import os
import select
import time

from . import wire

CHUNK = 65536


class Watch:
    """Outputs to pass on, and a deadline.

    Args:
        outputs: descriptor of each stream to its name.
        timeout_s: how long the program may take.
        most_bytes: how much it may print, on both streams together.
    """

    def __init__(self, outputs, timeout_s, most_bytes):
        self.began = time.monotonic()
        self.deadline = self.began + timeout_s
        self.stopped_for = ""
        """Why the program is to be ended: `timeout`, `output_limit`, or `host`."""
        self._outputs = dict(outputs)
        self._room = most_bytes

    @property
    def seconds(self):
        return time.monotonic() - self.began

    def step(self, others):
        """Wait until something happens. Returns those of the other descriptors that can be read.

        Raises:
            wire.ClosedError: the host is gone.
        """
        wait_s = None if self.deadline is None else max(self.deadline - time.monotonic(), 0)
        ready = set(select.select([wire.HOST_IN, *self._outputs, *others], [], [], wait_s)[0])
        if not ready:
            self.stopped_for = self.stopped_for or "timeout"
            self.deadline = None
        if wire.HOST_IN in ready:
            wire.receive()  # while a program runs, the host says nothing but that it is to be ended
            self.stopped_for = self.stopped_for or "host"
            self.deadline = None
        for descriptor in ready & self._outputs.keys():
            self._pass_on(descriptor)
        return ready

    def drain(self):
        """Pass on what is still in the pipes, whose writers are all gone or stopped."""
        for descriptor in list(self._outputs):
            os.set_blocking(descriptor, False)
            while descriptor in self._outputs and self._pass_on(descriptor):
                pass

    def close(self):
        for descriptor in self._outputs:
            os.close(descriptor)
        self._outputs.clear()

    def _pass_on(self, descriptor):
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self._outputs[descriptor]
            os.close(descriptor)
            return False
        name = self._outputs[descriptor]
        if self._room > 0:
            wire.send({"type": "output", "stream": name}, data[:self._room])
        self._room -= len(data)
        if self._room < 0:
            self.stopped_for = self.stopped_for or "output_limit"
            self.deadline = None
        return True
