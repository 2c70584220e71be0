"""Runs llama.cpp's server until it is told to stop.

`python xllamacpp_process.py MODEL_FILE NAME PORT [CONTEXT_TOKENS SLOTS THREADS]`.
"""

import signal
import sys
import threading

import xllamacpp


def main(model_file: str, name: str, port: str, context_tokens: str = "2048", slots: str = "2",
         threads: str = "1") -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_file
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_ctx = int(context_tokens)
    parameters.n_parallel = int(slots)
    parameters.kv_unified = True
    parameters.cpuparams.n_threads = int(threads)
    parameters.cpuparams_batch.n_threads = int(threads)
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    stopped.wait()
    del server


main(*sys.argv[1:])
