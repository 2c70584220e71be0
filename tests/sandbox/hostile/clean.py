"""An ordinary program that looks around: it must find the same after every hostile program as before the first."""

from __future__ import annotations

LOOK = r"""
import builtins, gc, json, os, resource, signal, sys, threading

def lines(path):
    with open(path) as file:
        return file.read().splitlines()

def state_of(process):
    status = dict(line.split(':\t', 1) for line in lines(f'/proc/{process}/status') if ':\t' in line)
    return {name: status[name] for name in ('SigBlk', 'SigIgn', 'SigCgt', 'CapEff', 'NoNewPrivs', 'Seccomp')}

def content(path):
    with open(path) as file:
        return file.read()

def target(descriptor):
    try:
        return os.readlink(f'/proc/self/fd/{descriptor}').partition(':')[0]
    except OSError:
        return None

places = ('/box', '/tmp', '/dev/shm', '/dev/mqueue')
descriptors = {each: target(each) for each in range(256)}
others = {name for name in os.listdir('/proc') if name.isdigit()} - {'1', str(os.getpid())}
umask = os.umask(0o22)
answer = json.dumps({
    'the work': json.loads('[1, {"a": [2.5, null, "é"]}]') == [1, {'a': [2.5, None, 'é']}] and sum(range(1000)),
    'given files': {name: content(name) for name in sorted(os.listdir('.'))},
    'files elsewhere': {place: sorted(os.listdir(place)) for place in places[1:]},
    'free room': {place: [os.statvfs(place).f_bfree, os.statvfs(place).f_ffree] for place in places[:3]},
    'places': {place: [oct(os.stat(place).st_mode), os.stat(place).st_uid] for place in places},
    'other processes': sorted(lines(f'/proc/{other}/comm')[0] for other in others),
    'process 1': state_of(1),
    'this process': state_of('self'),
    'descriptors': {each: kind for each, kind in descriptors.items() if kind},
    'sockets': [line for kind in ('tcp', 'udp', 'unix') for line in lines('/proc/net/' + kind)[1:]
                if kind != 'unix' or '/' in line or '@' in line],  # the kernel takes its time to free others
    'environment': dict(os.environ),
    'folder': os.getcwd(),
    'umask': umask,
    'users': [os.getuid(), os.getgid(), os.getgroups()],
    'priorities': [os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0))],
    'turn when memory runs out': lines('/proc/self/oom_score_adj'),
    'limits': {name: resource.getrlimit(number) for name, number in vars(resource).items() if 'RLIMIT' in name},
    'threads': threading.active_count(),
    'modules': sorted(sys.modules),
    'where modules come from': [sys.path, len(sys.meta_path), len(sys.path_hooks), json.__file__, os.__file__],
    'interpreter': [sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold(), len(gc.callbacks),
                    sys.getswitchinterval(), sys.get_int_max_str_digits()],
    'hooks': [str(sys.gettrace()), str(sys.getprofile())],
    'built in': sorted(name for name, thing in vars(builtins).items() if thing is not None),
    'handlers': [str(signal.getsignal(number)) for number in signal.Signals],
    'mounts': len(lines('/proc/self/mountinfo')),
})
print('fine')
"""

LITTLE = "answer = sum([number * number for number in range(100)])\nprint('fine')"
"""The same for an interpreter that has nothing to look at."""
