"""What happens in a program's own process: it becomes an ordinary `__main__`, runs, and says how it ended.

What it says is as trustworthy as the program itself. Functions that are needed after it ran are bound before it.
"""

import ast
import atexit
import faulthandler
import gc
import json
import linecache
import os
import signal
import sys
import threading
import traceback
import types

from . import process

PROGRAM = "<program>"
VALUE_BYTES = 64 * 1024
ERROR_CHARACTERS = 2000
FIGURES = 16
MOST_DESCRIPTORS = 256
BROKEN = 70
"""The exit status of a process that did not get as far as the program."""
_dumps = json.dumps


def become(output, errors, *others):
    """Turn this forked process into one of a program: nothing of process 1 can be reached from it.

    Args:
        output: the descriptor that becomes standard output.
        errors: the same for standard error.
        others: descriptors to keep, none of which a program started from here inherits.
    """
    process.set_dumpable(True)
    process.set_oom_score(1000)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    point_output_at(output, errors)
    after = 3
    for descriptor in sorted(others):
        os.closerange(after, descriptor)
        after = descriptor + 1
    os.closerange(after, MOST_DESCRIPTORS)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=False)
    faulthandler.enable(file=2, all_threads=False)
    if "numpy.random" in sys.modules:  # its numbers would be the same in every program
        sys.modules["numpy.random"].seed()
    sys.argv, sys.path[:0] = [PROGRAM], [os.getcwd()]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    return main.__dict__


def point_output_at(output, errors):
    os.dup2(output, 1)
    os.dup2(errors, 2)


def held(code):
    """The source behind a function: while it runs, a program finds it nowhere that it would look without meaning to."""
    return lambda: code


def run_and_exit(source, namespace, want, outcome):
    """Run a program to its end, as an interpreter would: threads are joined, exit functions called, files closed."""
    getpid, write, leave = os.getpid, os.write, os._exit
    pid, folder = getpid(), os.getcwd()
    report, status = run(source, namespace, want, PROGRAM)
    save_figures(folder)
    if getpid() == pid:
        write_all(write, outcome, report)
    threading._shutdown()
    atexit._run_exitfuncs()
    namespace.clear()
    gc.collect()
    flush()
    leave(status)


def write_all(write, descriptor, report):
    data = _dumps(report).encode()
    try:
        while data:
            data = data[write(descriptor, data):]
    except OSError:  # the program closed every descriptor, as daemons do: its exit status still tells how it ended
        pass


def run(source, namespace, want, name):
    """Run source in a namespace.

    Args:
        source: gives it, see `held`.
        want: the variable whose value is reported; the last expression's when it is None.
        name: what tracebacks call the source.

    Returns:
        The report, and the exit status an interpreter would have.
    """
    settrace, setprofile = sys.settrace, sys.setprofile
    try:
        body, last = _compile(source(), name, want is None)
    except BaseException as error:
        report = {**_failed(error, source(), name), "memory": False}
        if isinstance(error, MemoryError):  # for want of memory the kernel would have ended it
            report["error"] = "SyntaxError: too deeply nested"
        return report, 1
    try:
        exec(body, namespace)
        value = eval(last, namespace) if last is not None else None
    except SystemExit as error:
        return _exited(error, name)
    except BaseException as error:
        return _failed(error, source(), name), 1
    finally:
        settrace(None)
        setprofile(None)
    if want is not None and want in namespace:
        return _value(namespace[want], str)
    return ({}, 0) if value is None else _value(value, repr)


def _compile(code, name, split):
    """The program, and its last expression apart where it ends in one."""
    tree = compile(code.removeprefix("\ufeff"), name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    last = None
    if split and tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), name, "eval", dont_inherit=True)
    return compile(tree, name, "exec", dont_inherit=True), last


def _exited(error, name):
    if error.code is None or error.code == 0:
        return {}, 0
    if isinstance(error.code, int):
        return {"error": f"SystemExit: {error.code}", "line": _line(error, name)}, (error.code & 0xFF) or 1
    try:
        print(error.code, file=sys.stderr)
    except BaseException:  # it can't be printed, or there is nowhere to print it
        pass
    return {"error": _in_one_line(error), "line": _line(error, name)}, 1


def _failed(error, code, name):
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    try:
        traceback.print_exception(type(error), error, trace)
    except BaseException:  # whatever the program put in its place
        pass
    return {"error": _in_one_line(error), "line": _line(error, name), "memory": isinstance(error, MemoryError)}


def _value(value, as_text):
    try:
        text = as_text(value)
    except BaseException as error:
        return {"error": _in_one_line(error), "memory": isinstance(error, MemoryError)}, 1
    data = text.encode("utf-8", "backslashreplace")
    return {"value": data[:VALUE_BYTES].decode("utf-8", "ignore"), "cut": len(data) > VALUE_BYTES}, 0


def _line(error, name):
    """The innermost line of the source."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _in_one_line(error):
    name, text = "an exception whose name can't be read", ""
    try:
        name = str(type(error).__name__)
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:
        text = "(its message can't be read)"
    text = " ".join(text[:4 * ERROR_CHARACTERS].split())
    return f"{name}: {text}"[:ERROR_CHARACTERS] if text else name


def flush():
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:  # closed, or something else by now
            pass


def save_figures(folder):
    """Write the open figures of matplotlib into the working folder, where they are found as files, and close them."""
    plots = sys.modules.get("matplotlib.pyplot")
    if plots is None:
        return
    try:
        for number in plots.get_fignums()[:FIGURES]:
            plots.figure(number).savefig(f"{folder}/figure-{number}.png")
        plots.close("all")
    except BaseException as error:
        print(f"A figure could not be saved: {_in_one_line(error)}", file=sys.stderr)
