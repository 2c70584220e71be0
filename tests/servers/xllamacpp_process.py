"""Runs llama.cpp's server until it is told to stop: `python xllamacpp_process.py MODEL_FILE NAME PORT`."""

import signal
import sys
import threading

import xllamacpp


def main(model_file: str, name: str, port: str) -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_file
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_ctx = 2048
    parameters.n_parallel = 2
    parameters.kv_unified = True
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    stopped.wait()
    del server


main(*sys.argv[1:])
