"""Too many and too large files, and trees that resist removal."""

from __future__ import annotations

from tests.sandbox.hostile.program import SHORT_S, Hostile

PROGRAMS = [
    Hostile("writes four files of 500 MB", """
import errno
written, errors = 0, set()
for number in range(4):
    with open(f'{number}.bin', 'wb', buffering=0) as file:
        try:
            for _ in range(500):
                written += file.write(bytes(1_000_000))
        except OSError as error:
            errors.add(errno.errorcode[error.errno])
answer = written <= 64 * 2**20 and errors <= {'ENOSPC', 'EFBIG'} and len(errors) > 0
""", value=True),
    Hostile("fills every place that it can write to", """
import os
for place in ('.', '/tmp', '/dev/shm'):
    try:
        with open(place + '/file', 'wb', buffering=0) as file:
            while True:
                file.write(bytes(1_000_000))
    except OSError:
        pass
answer = sum(os.statvfs(place).f_bfree for place in ('.', '/tmp', '/dev/shm')) < 1000
""", value=True),
    Hostile("makes 50000 files", """
made = 0
try:
    for made in range(50_000):
        open(f'/tmp/{made}', 'w').close()
except OSError:
    pass
answer = 100 < made < 4096
""", embedded="ok", value=True),
    Hostile("makes 50000 folders in its working folder", """
import os
made = 0
try:
    for made in range(50_000):
        os.mkdir(str(made))
except OSError:
    pass
answer = 100 < made < 4096
""", embedded="ok", value=True),
    Hostile("makes 3000 folders in each other", """
import os
for _ in range(3000):
    os.mkdir('d')
    os.chdir('d')
open('file', 'w').write('deep')
answer = 1
""", embedded="error", value=1),
    Hostile("makes 3000 folders in each other, elsewhere, and closes them", """
import os
os.chdir('/tmp')
for _ in range(3000):
    os.mkdir('d')
    os.chdir('d')
for _ in range(3000):
    os.chdir('..')
    os.chmod('d', 0)
answer = 1
""", embedded="error", value=1),
    Hostile("makes paths that are longer than a path may be", """
import os
for _ in range(40):
    os.mkdir('n' * 255)
    os.chdir('n' * 255)
open('f' * 255, 'w').write('far')
answer = 1
""", embedded="error", value=1),
    Hostile("makes trees that nobody may enter", """
import os
for place in ('.', '/tmp', '/dev/shm'):
    os.makedirs(place + '/a/b/c')
    open(place + '/a/b/c/file', 'w').write('x')
    for path in ('/a/b/c/file', '/a/b/c', '/a/b', '/a'):
        os.chmod(place + path, 0)
answer = 1
""", value=1),
    Hostile("makes its working folder unusable", """
import os
open('file', 'w').write('x')
os.mkdir('folder')
for path in ('.', '/tmp', '/dev/shm'):
    try:
        os.chmod(path, 0)
    except OSError:
        pass
answer = 1
""", value=1),
    Hostile("gives files names that are no text", """
import os
for name in (b'\\xff\\xfe', b'a\\nb', b'-rf', b' ', b'\\x1b[2J', b'\\\\', b'a\\tb', b'..a', b'*', '\\u202e'.encode()):
    open(name, 'wb').write(b'x')
    os.makedirs(b'folder' + name)
answer = 1
""", embedded="error|unsupported", value=1),
    Hostile("makes a file with a hole", """
import errno, os
with open('hole', 'wb') as file:
    file.truncate(60_000_000)
try:
    os.truncate('hole', 10**13)
except OSError as error:
    answer = errno.errorcode[error.errno]
""", value="EFBIG"),
    Hostile("makes a thousand names for one file, and links in circles", """
import os
open('file', 'w').write('x' * 1000)
for number in range(1000):
    os.link('file', f'name{number}')
os.symlink('a', 'b')
os.symlink('b', 'a')
os.symlink('.', 'here')
os.symlink('/', 'root')
os.symlink('/proc/self/root/box', 'again')
answer = 1
""", value=1),
    Hostile("keeps removed files open in an orphan", """
import os, time
files = [open(f'/tmp/{number}', 'wb') for number in range(50)]
for file in files:
    file.write(bytes(1_000_000))
    os.unlink(file.name)
if os.fork() == 0:
    os.setsid()
    time.sleep(1000)
answer = 1
""", value=1),
    Hostile("fills folders while it is being ended", """
import os
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        break
number = 0
while True:
    number += 1
    try:
        os.makedirs(f'/tmp/{os.getpid()}/{number % 100}/{number}', exist_ok=True)
        os.rename(f'/tmp/{os.getpid()}/{number % 100}', f'/box/{os.getpid()}{number}')
    except OSError:
        pass
""", docker="timeout", timeout_s=SHORT_S),
    Hostile("opens all the files it can", """
import errno
files = []
try:
    while True:
        files.append(open('/dev/null'))
except OSError as error:
    answer = len(files) < 256, errno.errorcode[error.errno]
""", value=(True, "EMFILE")),
    Hostile("leaves message queues behind", """
try:
    for number in range(5):
        open(f'/dev/mqueue/{number}', 'w').close()
except OSError:
    pass
answer = 1
""", embedded="ok", value=1),
    Hostile("leaves sockets and fifos behind", """
import os, socket
os.mkfifo('fifo')
os.mkfifo('/tmp/fifo')
socket.socket(socket.AF_UNIX).bind('socket')
answer = 1
""", value=1),
]
