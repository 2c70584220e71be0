"""Process 1: hears the host, one request after another, and ends with it."""

import gc
import importlib
import os
import select
import signal
import sys

from . import cells, fresh, process, wire
from .probe import facts
from .scratch import FileError, Folder


def main():
    if os.getpid() != 1:
        sys.exit("The worker ends every process it can: it runs as process 1 of a process namespace only.")
    sys.path[:] = [place for place in sys.path if place not in ("", os.getcwd())]  # programs write there
    process.set_dumpable(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 is deaf to signals that it has no handler for
    names = os.environ.pop("AGENTFIX_PREIMPORTS", "").split()
    idle_s = float(os.environ.pop("AGENTFIX_IDLE_S", "inf"))
    imported = [name for name in names if _imported(name)]
    gc.collect()
    gc.freeze()  # else the collector writes to every page that is shared with programs
    try:
        wire.send({"type": "hello", "protocol": wire.PROTOCOL, "imported": imported})
        _serve(Folder(), cells.Session(), idle_s if idle_s < 1e9 else None)
    except wire.ClosedError:
        os._exit(0)


def _imported(name):
    try:
        importlib.import_module(name)
    except Exception:  # what it is not: a program that imports it will say why
        return False
    return True


def _serve(folder, session, idle_s):
    while select.select([wire.HOST_IN], [], [], idle_s)[0]:
        request, body = wire.receive()
        try:
            for header, data in _answer(request, body, folder, session):
                wire.send(header, data)
        except FileError as error:
            wire.send({"type": "file_error", "error": str(error)[:2000]})
        except OSError as error:
            wire.send({"type": "failed", "error": str(error)[:2000]})


def _answer(request, body, folder, session):
    match request["type"]:
        case "ping":
            return [({"type": "pong"}, b"")]
        case "stop":  # it came too late: the program had ended
            return []
        case "probe":
            return [({"type": "facts", "facts": facts()}, b"")]
        case "put":
            folder.put(request["path"], body)
            return [({"type": "put"}, b"")]
        case "get":
            return [({"type": "file"}, folder.get(request["path"]))]
        case "list":
            return [({"type": "files", "files": [(path, state[1]) for path, state in folder.files().items()]}, b"")]
        case "exec":
            run = session.run if request["stateful"] else fresh.run
            done, artefacts = run(request, body.decode("utf-8", "surrogatepass"), folder)
            found = [({"type": "artefact", "path": path, "size_bytes": size, "whole": data is not None}, data or b"")
                     for path, size, data in artefacts]
            return [*found, ({"type": "done", **done}, b"")]


if __name__ == "__main__":
    main()
