"""What stands in /proc, /sys and /dev, and the files of the image."""

from __future__ import annotations

from tests.sandbox.hostile.program import Hostile, attempts

PROGRAMS = [
    attempts("looks at process 1", {
        "open('/proc/1/mem', 'rb')": "EACCES",
        "open('/proc/1/mem', 'r+b')": "EACCES",
        "open('/proc/1/environ', 'rb').read()": "EACCES",
        "open('/proc/1/maps').read()": "EACCES",
        "open('/proc/1/stack').read()": "EACCES",
        "open('/proc/1/syscall').read()": "EACCES",
        "os.listdir('/proc/1/fd')": "EACCES",
        "open('/proc/1/fd/0', 'rb')": "EACCES",
        "open('/proc/1/fd/1', 'wb')": "EACCES",
        "open('/proc/1/task/1/fd/1', 'wb')": "EACCES",
        "os.listdir('/proc/1/map_files')": "EACCES",
        "os.listdir('/proc/1/root')": "EACCES",
        "os.readlink('/proc/1/exe')": "EACCES",
        "os.readlink('/proc/1/cwd')": "EACCES",
        "open('/proc/1/oom_score_adj', 'w')": "EACCES",
        "open('/proc/1/clear_refs', 'w')": "EACCES",
        "open('/proc/1/coredump_filter', 'w')": "EACCES",
    }),
    attempts("writes to the kernel's files", {
        "open('/proc/sys/kernel/core_pattern', 'w')": "EROFS",
        "open('/proc/sys/vm/drop_caches', 'w')": "EROFS",
        "open('/proc/sys/kernel/hostname', 'w')": "EROFS",
        "open('/proc/sys/net/ipv4/ip_forward', 'w')": "EROFS",
        "open('/proc/sysrq-trigger', 'w')": "EROFS|ENOENT",
        "os.chmod('/proc/sys/kernel/core_pattern', 0o777)": "EROFS",
        "os.mkdir('/sys/fs/cgroup/mine')": "EROFS|EACCES",
        "open('/sys/kernel/uevent_helper', 'w')": "EROFS|ENOENT",
        "open('/sys/kernel/mm/transparent_hugepage/enabled', 'w')": "EROFS|ENOENT",
        "os.write(os.open('/proc/self/uid_map', os.O_WRONLY), b'0 0 1')": "EPERM",
    }),
    Hostile("writes to every file of /proc and /sys that it can", """
import os, stat
answer = set()
mine = {'self', 'thread-self', str(os.getpid())}
for place in ('/proc', '/sys'):
    for folder, folders, files in os.walk(place):
        if folder == '/proc':
            folders[:] = [name for name in folders if name not in mine and not (name.isdigit() and name != '1')]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISCHR(os.stat(path).st_mode):  # hidden behind /dev/null
                    continue
                file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                os.write(file, b'1')
                answer.add(path)
            except OSError:
                pass
answer = sorted(answer)
""", value=[]),
    Hostile("looks for a folder to write to", """
import os
answer, devices = [], {os.stat('/proc').st_dev, os.stat('/sys').st_dev}
for folder, folders, files in os.walk('/'):
    folders[:] = [name for name in folders if os.lstat(os.path.join(folder, name)).st_dev not in devices]
    try:
        path = os.path.join(folder, 'planted')
        open(path, 'x').close()
        os.unlink(path)
        answer.append(folder)
    except OSError:
        pass
answer.sort()
""", embedded="error", value=["/box", "/dev/mqueue", "/dev/shm", "/tmp"]),
    Hostile("looks for a file to write to", """
import os, stat
answer, devices = [], {os.stat('/proc').st_dev, os.stat('/sys').st_dev}
for folder, folders, files in os.walk('/'):
    folders[:] = [name for name in folders if os.lstat(os.path.join(folder, name)).st_dev not in devices]
    for name in files:
        path = os.path.join(folder, name)
        if not path.startswith(('/box/', '/dev/pts/')) and not os.path.islink(path):
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
                answer.append(path)
            except OSError:
                pass
answer.sort()
""", value=["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"]),
    attempts("reads what it must not", {
        "open('/proc/kcore', 'rb').read(1)": "EACCES|ENOENT|b''",
        "open('/etc/shadow').read()": "EACCES|ENOENT",
        "open('/dev/mem', 'rb')": "ENOENT",
        "open('/dev/kmsg', 'rb')": "ENOENT",
        "open('/dev/kvm', 'rb')": "ENOENT",
        "open('/dev/vda', 'rb')": "ENOENT",
        "open('/dev/sda', 'rb')": "ENOENT",
        "open('/dev/fuse', 'rb')": "ENOENT",
        "open('/dev/vsock', 'rb')": "ENOENT",
        "open('/dev/userfaultfd', 'rb')": "ENOENT",
        "os.stat('/var/run/docker.sock')": "ENOENT",
        "os.stat('/run/docker.sock')": "ENOENT",
        "os.stat('/run/containerd')": "ENOENT",
        "os.stat('/var/run/secrets')": "ENOENT",
        "os.listdir('/root')": "EACCES",
        "os.listdir('/sys/firmware')": "[]|ENOENT",
        "open('/proc/timer_list').read()": "''|ENOENT",
        "open('/proc/keys').read()": "''|ENOENT",
        "os.listdir('/proc/acpi')": "[]|ENOENT",
    }),
    Hostile("looks for what it may do", """
status = dict(line.rstrip().split(':\\t', 1) for line in open('/proc/self/status') if ':\\t' in line)
answer = [status[name] for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp')]
""", embedded="error", value=["0" * 16] * 5 + ["1", "2"]),
    Hostile("looks for programs that run as another user", """
import os, stat
answer = []
for folder, folders, files in os.walk('/'):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ('/proc', '/sys')]
    for name in files:
        path = os.path.join(folder, name)
        if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) and not os.path.islink(path):
            answer.append(path)
""", value=[]),
    Hostile("looks for the host in its environment", """
import os
answer = [name for name in os.environ if any(word in name.upper() for word in ('PROXY', 'KEY', 'TOKEN', 'AGENTFIX'))]
""", embedded="ok", value=[]),
]
