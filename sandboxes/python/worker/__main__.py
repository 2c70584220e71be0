"""Process 1: hears the host, one request after another, and ends with it."""

import gc
import importlib
import json
import os
import select
import signal
import sys

from . import cells, process, wire
from .fresh import Fresh
from .probe import facts
from .scratch import FileError, Folder

REPORT_BYTES = 1 << 20
"""Of what a program's process says of itself, as JSON."""


def main():
    if os.getpid() != 1:
        sys.exit("The worker ends every process it can: it runs as process 1 of a process namespace only.")
    sys.path[:] = [place for place in sys.path if place not in ("", os.getcwd())]  # programs write there
    process.set_dumpable(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 is deaf to signals that it has no handler for
    names = os.environ.pop("AGENTFIX_PREIMPORTS", "").split()
    idle_s = float(os.environ.pop("AGENTFIX_IDLE_S", "inf"))
    imported = [name for name in names if _imported(name)]
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # a program's own module of that name is not this one
    gc.collect()
    gc.freeze()  # else the collector writes to every page that is shared with programs
    try:
        wire.send({"type": "hello", "protocol": wire.PROTOCOL, "imported": imported})
        Worker().serve(idle_s if idle_s < 1e9 else None)
    except wire.ClosedError:
        os._exit(0)


def _imported(name):
    try:
        importlib.import_module(name)
    except Exception:  # what it is not: a program that imports it will say why
        return False
    return True


class Worker:
    """Answers requests. One program at a time."""

    def __init__(self):
        self._folder = Folder()
        self._fresh = Fresh()
        self._session = cells.Session()

    def serve(self, idle_s):
        """Until the host is gone, or says nothing for so long."""
        self._fresh.prepare()
        while select.select([wire.HOST_IN], [], [], idle_s)[0]:
            request, body = wire.receive()
            try:
                for header, data in self._answer(request, body):
                    wire.hold(header, data)
            except FileError as error:
                wire.hold({"type": "file_error", "error": str(error)[:2000]})
            except OSError as error:
                wire.hold({"type": "failed", "error": str(error)[:2000]})
            wire.flush()
            if request["type"] == "exec" and not request["stateful"]:
                self._fresh.prepare()

    def _answer(self, request, body):
        match request["type"]:
            case "ping":
                return [({"type": "pong"}, b"")]
            case "stop" | "answer":  # it came too late: the program had ended
                return []
            case "probe":
                return [({"type": "facts", "facts": facts()}, b"")]
            case "put":
                self._folder.put(request["path"], body)
                return [({"type": "put"}, b"")]
            case "get":
                return [({"type": "file"}, self._folder.get(request["path"]))]
            case "list":
                return [({"type": "files", "files": self._folder.listed()}, b"")]
            case "exec":
                return self._run(request, body)

    def _run(self, request, code):
        if request["stateful"]:
            self._fresh.give_up()
            done, artefacts = self._session.run(request, code, self._folder)
        else:
            done, artefacts = self._fresh.run(request, code, self._folder)
        if len(json.dumps(done["report"])) > REPORT_BYTES:  # longer than `program` makes any
            done["report"] = ""
        found = [({"type": "artefact", "path": path, "size_bytes": size, "whole": data is not None}, data or b"")
                 for path, size, data in artefacts]
        return [*found, ({"type": "done", **done}, b"")]


if __name__ == "__main__":
    main()
