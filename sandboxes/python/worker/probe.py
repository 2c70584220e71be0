"""Reads back what this box really has: facts from the kernel, not what was asked for."""

import ctypes
import errno
import json
import os
import resource
import socket
import sys

AF_VSOCK = 40
CLONE_NEWUSER = 0x10000000
PTRACE_TRACEME = 0
LIMITS = {
    "memory_bytes": ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "swap_bytes": ("/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
    "pids": ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"),
}


def facts():
    """Everything the host wants to know about the walls around this process."""
    status = _status()
    return {
        "python": sys.version.split()[0],
        "kernel": " ".join(os.uname()[i] for i in (0, 2, 3)),
        "user": os.getuid(),
        "user_map": _read("/proc/self/uid_map"),
        "capabilities": int(status.get("CapEff", "-1"), 16) | int(status.get("CapBnd", "-1"), 16),
        "no_new_privileges": status.get("NoNewPrivs") == "1",
        "seccomp": status.get("Seccomp", ""),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "read_only_root": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
        "folders": {path: _folder(path) for path in ("/box", "/tmp", "/dev/shm")},
        "limits": {name: next((text for path in paths if (text := _read(path))), "") for name, paths in LIMITS.items()},
        "cpus": _cpus(),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "refused": _refused(),
    }


def _read(path):
    try:
        with open(path) as file:
            return " ".join(file.read(4096).split())
    except OSError:
        return ""


def _status():
    with open("/proc/self/status") as lines:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _folder(path):
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return {"bytes": found.f_blocks * found.f_frsize, "inodes": found.f_files,
            "executable": not found.f_flag & os.ST_NOEXEC}


def _cpus():
    """How many processors' time the box may use, or nothing when that is not limited."""
    both = _read("/sys/fs/cgroup/cpu.max").split()
    if not both:
        both = [_read(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        quota, period = (int(text) for text in both)
    except ValueError:
        return None
    return quota / period if quota > 0 else None


def _refused():
    """What system calls are refused with, by what they would do; nothing for one that is allowed. Tried in a process
    that ends at once, which what was allowed then ends with."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        said = {"vsock": _vsock(), "user_namespace": _call("unshare", CLONE_NEWUSER),
                "ptrace": _call("ptrace", PTRACE_TRACEME, 0, 0, 0)}
        os.write(write_end, json.dumps(said).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        said = json.load(file)
    os.waitpid(child, 0)
    return said


def _vsock():
    """A way to the hypervisor, which no network namespace closes."""
    try:
        socket.socket(AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        return _name(error.errno)
    return ""


def _call(name, *arguments):
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    return "" if function(*arguments) == 0 else _name(ctypes.get_errno())


def _name(number):
    return errno.errorcode.get(number, str(number))
