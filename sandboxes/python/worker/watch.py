"""Watches a program from outside: passes on what it prints, keeps its time, and hears the host."""

import os
import select
import time

from . import calls, wire

CHUNK = 65536
HOLD_S = 0.02
"""Output is passed on so much later, so that what a short program prints comes together with its end."""


class Watch:
    """Outputs to pass on, and a deadline.

    Args:
        outputs: descriptor of each stream to its name. They stay open.
        timeout_s: how long the program may take; what the host takes to answer its calls is not counted.
        most_bytes: how much it may print, on both streams together.
        channel: process 1's end of the channel for calls.
    """

    def __init__(self, outputs, timeout_s, most_bytes, channel):
        self.deadline = self._began = time.monotonic()
        self.deadline += timeout_s
        self.stopped_for = ""
        """Why the program is to be ended: `timeout`, `output_limit`, or `host`."""
        self._outputs = dict(outputs)
        self._room = most_bytes
        self._flush_at = None
        self._channel = channel
        self._left_s = None
        """How much time the program has left, while the host works on a call of its."""

    @property
    def seconds(self):
        return time.monotonic() - self._began

    def step(self, others):
        """Wait until something happens. Returns those of the other descriptors that can be read.

        Raises:
            wire.ClosedError: the host is gone.
        """
        listened = [self._channel] if self._left_s is None and self._channel is not None else []
        ready = set(select.select([wire.HOST_IN, *self._outputs, *others, *listened], [], [], self._wait_s())[0])
        now = time.monotonic()
        if self._flush_at is not None and now >= self._flush_at:
            self._flush()
        if self.deadline is not None and now >= self.deadline:
            self.stopped_for, self.deadline = self.stopped_for or "timeout", None
        if wire.HOST_IN in ready:
            self._hear()
        if self._channel in ready:
            self._call()
        for descriptor in ready & self._outputs.keys():
            self._pass_on(descriptor)
        return ready

    def drain(self):
        """Take what is still in the pipes, whose writers are all gone or stopped."""
        for descriptor in list(self._outputs):
            os.set_blocking(descriptor, False)
            while descriptor in self._outputs and self._pass_on(descriptor):
                pass

    def _wait_s(self):
        until = [moment for moment in (self.deadline, self._flush_at) if moment is not None]
        return max(min(until) - time.monotonic(), 0) if until else None

    def _stop(self, why):
        if not self.stopped_for:  # what it prints while it is being ended takes no time from it
            self.stopped_for, self.deadline = why, None

    def _hear(self):
        """While a program runs, the host says nothing but what a call gave, and that the program is to be ended."""
        request, body = wire.receive()
        if request["type"] != "answer":
            self._stop("host")
        elif self._left_s is not None:
            calls.give(self._channel, body)
            if not self.stopped_for:
                self.deadline = time.monotonic() + self._left_s
            self._left_s = None

    def _call(self):
        asked = calls.take(self._channel)
        if not asked:
            self._channel = None
        elif not self.stopped_for:
            self._left_s, self.deadline = self.deadline - time.monotonic(), None
            self._flush_at = None
            wire.send({"type": "call"}, asked)

    def _flush(self):
        wire.flush()
        self._flush_at = None

    def _pass_on(self, descriptor):
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self._outputs[descriptor]
            return False
        if self._room > 0:
            if wire.hold({"type": "output", "stream": self._outputs[descriptor]}, data[:self._room]) > CHUNK:
                self._flush()
            elif self._flush_at is None:
                self._flush_at = time.monotonic() + HOLD_S
        self._room -= len(data)
        if self._room < 0:
            self._stop("output_limit")
        return True
