"""System calls that no program needs."""

from __future__ import annotations

from tests.sandbox.hostile.program import Hostile, attempts

PROGRAMS = [
    attempts("looks into other processes", {
        "call('ptrace', 16, 1, 0, 0)": "EPERM",
        "call('ptrace', 0x4206, os.getppid(), 0, 0)": "EPERM",
        "call('process_vm_readv', 1, 0, 0, 0, 0, 0)": "EPERM",
        "call('process_vm_writev', 1, 0, 0, 0, 0, 0)": "EPERM",
        "call('pidfd_getfd', os.pidfd_open(1), 0, 0)": "EPERM",
        "call('kcmp', 1, os.getpid(), 0, 0, 0)": "EPERM",
        "call('process_madvise', os.pidfd_open(1), 0, 0, 0, 0)": "EPERM",
    }),
    attempts("sets limits and priorities of process 1", {
        "resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))": "EPERM",
        "resource.prlimit(1, resource.RLIMIT_AS)": "EPERM",
        "os.sched_setaffinity(1, {0})": "EPERM",
        "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))": "EPERM",
        "os.setpriority(os.PRIO_PROCESS, 1, 19)": "EPERM",
        "os.setpriority(os.PRIO_USER, os.getuid(), 19)": "EPERM",
        "os.setpriority(os.PRIO_PGRP, 0, 19)": "EPERM",
        "call('migrate_pages', 1, 0, 0, 0)": "EPERM",
        "call('move_pages', 1, 0, 0, 0, 0, 0)": "EPERM",
    }),
    attempts("makes namespaces and enters them", {
        "libc.unshare(0x10000000)": "EPERM",
        "libc.unshare(0x00020000)": "EPERM",
        "libc.setns(os.open('/proc/self/ns/net', 0), 0)": "EPERM",
        "call('clone', 0x10000000 | 17, 0, 0, 0, 0)": "EPERM",
        "call('clone', 0x40000000 | 17, 0, 0, 0, 0)": "EPERM",
        "call('clone3', 0, 0)": "ENOSYS",
    }),
    attempts("mounts and changes roots", {
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)": "EPERM",
        "libc.mount(b'none', b'/', b'', 0x1020, 0)": "EPERM",
        "libc.umount2(b'/proc/sys', 2)": "EPERM",
        "call('pivot_root', 0, 0)": "EPERM",
        "os.chroot('/tmp')": "EPERM",
        "call('fsopen', 0, 0)": "EPERM",
        "call('fsmount', 0, 0, 0)": "EPERM",
        "call('move_mount', 0, 0, 0, 0, 0)": "EPERM",
        "call('open_tree', 0, 0, 0)": "EPERM",
        "call('mount_setattr', 0, 0, 0, 0, 0)": "EPERM",
        "libc.swapon(b'/tmp/swap', 0)": "EPERM",
        "call('quotactl', 0, 0, 0, 0)": "EPERM",
        "call('open_by_handle_at', 0, 0, 0)": "EPERM",
        "call('name_to_handle_at', 0, 0, 0, 0, 0)": "EPERM",
    }),
    attempts("reaches for the kernel", {
        "call('bpf', 0, 0, 0)": "EPERM",
        "call('perf_event_open', 0, 0, 0, 0, 0)": "EPERM",
        "call('userfaultfd', 1)": "EPERM",
        "call('io_uring_setup', 1, 0)": "ENOSYS",
        "call('io_uring_enter', 0, 0, 0, 0, 0, 0)": "ENOSYS",
        "call('io_uring_register', 0, 0, 0, 0)": "ENOSYS",
        "call('io_setup', 1, 0)": "EPERM",
        "call('vmsplice', 0, 0, 0, 0)": "EPERM",
        "call('init_module', 0, 0, 0)": "EPERM",
        "call('finit_module', 0, 0, 0)": "EPERM",
        "call('delete_module', 0, 0)": "EPERM",
        "call('kexec_load', 0, 0, 0, 0)": "EPERM",
        "call('reboot', 0xfee1dead, 672274793, 0, 0)": "EPERM",
        "call('seccomp', 1, 0, 0)": "EPERM",
        "call('syslog', 3, 0, 0)": "EPERM",
        "call('acct', 0)": "EPERM",
        "call('fanotify_init', 0, 0)": "EPERM",
        "libc.personality(0x40000)": "EPERM",
    }),
    attempts("uses keys and what System V left", {
        "call('add_key', 0, 0, 0, 0, 0)": "EPERM",
        "call('request_key', 0, 0, 0, 0)": "EPERM",
        "call('keyctl', 0, 0, 0, 0, 0)": "EPERM",
        "libc.shmget(7, 4096, 0o1600)": "EPERM",
        "libc.semget(7, 1, 0o1600)": "EPERM",
        "libc.msgget(7, 0o1600)": "EPERM",
        "call('mq_open', 0, 0, 0, 0)": "EPERM",
    }),
    attempts("sets clocks and names", {
        "call('settimeofday', 0, 0)": "EPERM",
        "call('adjtimex', 0)": "EPERM",
        "socket.sethostname('elsewhere')": "EPERM",
        "call('sync')": "EPERM",
    }),
    attempts("becomes another user", {
        "os.setuid(0)": "EPERM",
        "os.setgid(0)": "EPERM",
        "os.setgroups([0])": "EPERM",
        "os.setresuid(0, 0, 0)": "EPERM",
        "call('capset', 0, 0)": "EPERM",
        "os.chown('/box', 0, 0)": "EPERM",
        "os.getuid(), os.geteuid(), os.getgid(), os.getegid()": "(65534, 65534, 65534, 65534)",
        "os.getgroups()": "[65534]",
    }),
    attempts("makes devices", {
        "os.mknod('/tmp/mem', 0o020666, os.makedev(1, 1))": "EPERM",
        "os.mknod('/tmp/vda', 0o060666, os.makedev(254, 0))": "EPERM",
        "os.mknod('/tmp/whiteout', 0o020666, 0)": "EPERM",
    }),
    attempts("types for others at terminals", {
        "libc.ioctl(0, ctypes.c_ulong(0x5412), b'x')": "EPERM",
        "libc.ioctl(0, ctypes.c_ulong(0x541C), b'x')": "EPERM",
        "libc.ioctl(os.open('/tmp', 0), ctypes.c_ulong(0x40086602), b'\\x10\\0\\0\\0')": "EPERM",
    }),
    attempts("opens odd sockets", {
        "socket.socket(40, socket.SOCK_STREAM)": "EPERM",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)": "EPERM",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)": "EPERM",
        "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)": "EPERM",
        "socket.socket(38, socket.SOCK_SEQPACKET)": "EPERM",
        "socket.socket(31, socket.SOCK_RAW)": "EPERM",
        "socket.socket(44, socket.SOCK_RAW)": "EPERM",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)": "EPERM",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)": "EPERM",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)": "EPERM",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)": "EPERM",
    }),
    Hostile("runs its own machine code from the file system", """
import os, shutil, subprocess, sys
answer = []
for place in ('/box', '/tmp', '/dev/shm'):
    copy = shutil.copy('/bin/true', place)
    os.chmod(copy, 0o755)
    try:
        subprocess.run([copy])
        answer.append(place)
    except PermissionError:
        pass
""", value=[]),
    Hostile("makes others load its library", """
import os, subprocess
os.environ['LD_PRELOAD'] = os.environ['LD_LIBRARY_PATH'] = '/tmp/evil.so'
open('/tmp/evil.so', 'wb').write(b'\\x7fELF')
subprocess.run(['true'], stderr=subprocess.DEVNULL)
answer = 1
""", value=1),
]
