"""What process 1 asks of the kernel: to protect itself, to end what programs left running, and how they ended."""

import ctypes
import os
import signal

PR_SET_DUMPABLE = 4
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def set_dumpable(value):
    """Whether others of this user can reach this process through /proc and ptrace."""
    if _prctl(PR_SET_DUMPABLE, int(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused")


def set_oom_score(score):
    """How likely the kernel takes this process when memory runs out: process 1 has 0, the least."""
    descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(descriptor, str(score).encode())
    os.close(descriptor)


def oom_kills():
    """How many processes in here the kernel killed for memory so far."""
    for path in _OOM_COUNTERS:
        try:
            with open(path) as lines:
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        except OSError:
            continue
    return 0


def kill_all():
    """End every process but this one: one call, so that a fork bomb can't outrun it."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_others(keep):
    """End every process but this one and those to keep. They are stopped first, so that none is left to make more."""
    keep = {1, *keep}
    while others := [pid for pid in _running() if pid not in keep]:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in others:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        while _reap_one():
            pass


def _reap_one():
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


def _running():
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat") as file:
                    state = file.read().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found.append(int(name))
    return found


class Ended:
    """How a process ended, and what it and its descendants used."""

    def __init__(self, exit_code, signal, cpu_seconds, peak_memory_bytes):
        self.exit_code = exit_code
        self.signal = signal
        self.cpu_seconds = cpu_seconds
        self.peak_memory_bytes = peak_memory_bytes

    @classmethod
    def of(cls, status, usage):
        """From what `os.wait4` gives."""
        return cls(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                   os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                   usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def reap_all(pid):
    """Wait for every child: how `pid` ended, if it is one, with what all of them used."""
    exit_code, number, cpu_seconds, peak_bytes = None, None, 0.0, 0
    while True:
        try:
            other, status, usage = os.wait3(0)
        except ChildProcessError:
            break
        one = Ended.of(status, usage)
        cpu_seconds += one.cpu_seconds
        peak_bytes = max(peak_bytes, one.peak_memory_bytes)
        if other == pid:
            exit_code, number = one.exit_code, one.signal
    return Ended(exit_code, number, cpu_seconds, peak_bytes)


def parent_of(pid):
    """The parent of a process; 0 where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def usage_of(pid):
    """Processor seconds of a process that goes on and of its children that ended, and its peak memory in bytes."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status") as lines:
        peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), peak * 1024
