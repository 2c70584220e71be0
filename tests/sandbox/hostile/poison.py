"""What is meant for the programs that come after."""

from __future__ import annotations

from tests.sandbox.hostile.program import Hostile

PROGRAMS = [
    Hostile("plants modules that others would import", """
import os, sys
evil = "raise SystemExit('poisoned')"
names = ('json', 'os', 'sitecustomize', 'usercustomize', 'numpy', 'site', 'encodings', 'worker', 'ctypes', '__main__')
version = f'python{sys.version_info.major}.{sys.version_info.minor}'
places = ['.', '/tmp', '/dev/shm', os.path.expanduser(f'~/.local/lib/{version}/site-packages')]
for place in places:
    os.makedirs(place, exist_ok=True)
    for name in names:
        open(f'{place}/{name}.py', 'w').write(evil)
    open(f'{place}/evil.pth', 'w').write('import sys; ' + evil)
    open(f'{place}/pyvenv.cfg', 'w').write('home = /tmp')
    open(f'{place}/python312._pth', 'w').write('/tmp')
open(os.path.expanduser('~/.pythonrc.py'), 'w').write(evil)
answer = 1
""", embedded="error|unsupported", value=1),
    Hostile("plants modules where Python looks", """
import sys
answer = []
for place in sys.path:
    try:
        open(place + '/json.py', 'x').write('1/0')
        if place != '/box':
            answer.append(place)
    except OSError:
        pass
""", value=[]),
    Hostile("replaces modules", """
import sys, types
for name in ('json', 'os', 'signal', 'struct', 'traceback', 'io', 'select', 'time'):
    sys.modules[name] = types.ModuleType(name)
answer = 1
""", value=1),
    Hostile("empties modules", """
import json, os, select, signal, sys, time
for module in (json, select, signal, time):
    for name in list(vars(module)):
        if not name.startswith('__'):
            setattr(module, name, None)
answer = 1
""", docker="ok|error|crash"),
    Hostile("takes the system from Python", """
import os
for name in list(vars(os)):
    if not name.startswith('__'):
        setattr(os, name, None)
answer = 1
""", docker="ok|error|crash"),
    Hostile("overwrites what is built in", """
import builtins
for name in ('print', 'open', '__import__', 'isinstance', 'len', 'str', 'repr', 'type', 'exec', 'compile', 'getattr',
             'BaseException', 'SystemExit', 'OSError', 'Exception'):
    setattr(builtins, name, None)
answer = 1
""", docker="ok|error|crash"),
    Hostile("traces and profiles", """
import sys, threading
def trace(*_):
    sys.stdout.write('')
    return trace
sys.settrace(trace)
sys.setprofile(trace)
threading.settrace(trace)
answer = 1
""", value=1),
    Hostile("adds a hook that refuses everything", """
import sys
def hook(event, _):
    if event in ('open', 'import', 'os.fork', 'exec', 'compile'):
        raise RuntimeError('no')
sys.addaudithook(hook)
answer = 1
""", docker="ok|error"),
    Hostile("sets odd hooks", """
import atexit, codecs, gc, sys, warnings
def evil(*_, **__):
    raise SystemExit(9)
sys.excepthook = sys.displayhook = sys.unraisablehook = sys.breakpointhook = warnings.showwarning = evil
sys.meta_path.insert(0, type('Finder', (), {'find_spec': evil}))
sys.path_hooks.insert(0, evil)
gc.callbacks.append(evil)
atexit.register(evil)
answer = 1
""", docker="ok|error"),
    Hostile("changes settings of the interpreter", """
import decimal, gc, locale, random, sys, time
sys.setrecursionlimit(50)
sys.setswitchinterval(1000)
sys.set_int_max_str_digits(640)
sys.path[:] = []
sys.dont_write_bytecode = False
gc.disable()
gc.set_threshold(1)
random.seed(0)
decimal.getcontext().prec = 1
answer = 1
""", docker="ok|error"),
    Hostile("changes what processes inherit", """
import os, resource, signal
os.environ.clear()
os.environ['PYTHONPATH'] = '/tmp'
os.environ['PATH'] = '/tmp'
os.chdir('/tmp')
os.umask(0o777)
os.nice(19)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
answer = 1
""", docker="ok|error"),
    Hostile("removes its working folder", """
import os, shutil
open('file', 'w').write('x')
for name in os.listdir('.'):
    os.unlink(name)
for path in ('/box', '/tmp', '/dev/shm'):
    try:
        os.rename(path, path + '2')
    except OSError:
        pass
    try:
        os.rmdir(path)
    except OSError:
        pass
answer = 1
""", value=1),
    Hostile("removes and replaces the files that it was given", """
import os
for name in os.listdir('.'):
    os.unlink(name)
    os.symlink('/etc/passwd', name)
os.mkdir('given')
answer = 1
""", docker="ok|error"),
    Hostile("puts a folder in the place of the file that it was given", """
import os
os.unlink('given.txt')
os.makedirs('given.txt/a/b')
os.chmod('given.txt', 0)
answer = 1
""", value=1),
    Hostile("scribbles over Python's own objects", """
import ctypes
for number in range(-5, 257):
    ctypes.memset(id(number) + 24, 7, 4)
""", docker="ok|error|crash|timeout|oom", timeout_s=3),
    Hostile("scribbles over all memory that it can write to", """
import ctypes
for line in open('/proc/self/maps'):
    span, mode = line.split()[:2]
    if mode.startswith('rw') and 'stack' not in line:
        start, end = (int(each, 16) for each in span.split('-'))
        ctypes.memset(start, 255, end - start)
""", docker="crash|timeout", timeout_s=3),
    Hostile("changes flags of its descriptors", """
import fcntl, os, signal
for descriptor in range(256):
    try:
        os.set_blocking(descriptor, False)
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, 1)
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    except OSError:
        pass
answer = 1
""", docker="ok|error|crash"),
    Hostile("shuts and reads every descriptor", """
import os, socket
for descriptor in range(256):
    try:
        os.set_blocking(descriptor, False)
        os.read(descriptor, 1 << 20)
    except OSError:
        pass
    try:
        socket.socket(fileno=os.dup(descriptor)).shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
answer = 1
""", docker="ok|error"),
]
