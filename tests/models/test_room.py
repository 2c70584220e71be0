"""The context that is chosen for a model, and what a process may use of its machine."""

from __future__ import annotations

import os

import pytest

from agentfix.models.llamacpp.host import cpu_threads, free_memory
from agentfix.models.llamacpp.room import (
    LEAST_SEQUENCES,
    LEAST_TOKENS,
    MOST_ON_CPU,
    MOST_ON_GPU,
    SEQUENCES,
    Needs,
    Place,
    choose,
)

GB = 2**30
USUAL = Needs(32_768, 28_672)
HOST = Place(16 * GB, 1.0)


@pytest.mark.parametrize(("needs", "places", "wanted", "tokens", "why"), [
    pytest.param(USUAL, [HOST], None, MOST_ON_CPU, "the most that is taken unasked", id="plenty"),
    pytest.param(USUAL, [], None, MOST_ON_CPU, "the most that is taken unasked", id="nobody knows what is free"),
    pytest.param(USUAL, [Place(40 * GB, 1.0, gpu=True)], None, MOST_ON_GPU, "trained for", id="all on a GPU"),
    pytest.param(Needs(8192, 100), [HOST], None, 8192, "all that the model was trained for", id="a small model"),
    pytest.param(USUAL, [Place(GB, 1.0)], None, GB // 4 // 28_672 // 256 * 256, "of the free memory", id="little"),
    pytest.param(USUAL, [Place(GB, 0.5), Place(16 * GB, 0.5, gpu=True)], None, MOST_ON_CPU, "unasked", id="two places"),
    pytest.param(USUAL, [Place(GB // 4, 0.5), Place(16 * GB, 0.5, gpu=True)], None, 4608, "free", id="one is small"),
    pytest.param(USUAL, [Place(10**6, 1.0)], None, LEAST_TOKENS, "the least that is of use", id="next to nothing"),
    pytest.param(Needs(512, 100), [Place(100, 1.0)], None, 512, "the least that is of use", id="not even that"),
    pytest.param(USUAL, [Place(10**6, 1.0)], 20_000, 20_000, "context_tokens says so", id="the user knows better"),
    pytest.param(USUAL, [HOST], 50_000, 32_768, "context_tokens is 50,000", id="more than it was trained for"),
    pytest.param(Needs(32_768, 0, 10**6), [HOST], None, MOST_ON_CPU, "unasked", id="no token takes anything"),
])
def test_a_context_is_chosen_and_the_reason_said(needs, places, wanted, tokens, why):
    room = choose(needs, places, wanted)
    assert room.context_tokens == tokens
    assert why in room.reason
    assert room.cache_bytes == tokens * needs.token_bytes + room.sequences * needs.sequence_bytes


@pytest.mark.parametrize(("state", "sequences"), [
    (0, SEQUENCES), (1000, SEQUENCES), (75_000_000, 28), (GB, LEAST_SEQUENCES),
])
def test_large_states_are_for_fewer_sequences(state, sequences):
    assert choose(Needs(32_768, 1000, state), [HOST], 4096).sequences == sequences


def written(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def topology(groups):
    return {f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": f"{group}\n"
            for cpu, group in groups.items()}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
@pytest.mark.parametrize(("allowed", "files", "threads"), [
    pytest.param({0, 1, 2, 3}, topology({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}), 2, id="two threads a core"),
    pytest.param({0, 1, 2, 3}, topology(dict(enumerate("0123"))), 4, id="one thread a core"),
    pytest.param({0, 2, 3}, topology({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}), 2, id="bound to some"),
    pytest.param({1, 3}, topology({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}), 1, id="bound to one core"),
    pytest.param({0, 1, 2, 3}, {}, 4, id="nobody tells"),
    pytest.param(set(range(12)), {}, 6, id="nobody tells of many"),
    pytest.param({0, 1, 2, 3}, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2,
                 id="a share of time"),
    pytest.param({0, 1, 2, 3}, {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                                "sys/fs/cgroup/a/cpu.max": "50000 100000\n"}, 1, id="a share set further out"),
    pytest.param({0, 1, 2, 3}, {"proc/self/cgroup": "3:cpu,cpuacct:/a\n",
                                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n",
                                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
                                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n"}, 3, id="older control groups"),
])
def test_one_thread_for_each_core_that_is_allowed(allowed, files, threads, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    assert cpu_threads(written(tmp_path, files)) == threads


AVAILABLE = {"proc/meminfo": "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable: 4000 kB\n"}


@pytest.mark.parametrize(("files", "kilobytes"), [
    pytest.param(AVAILABLE, 4000, id="no limit"),
    pytest.param({**AVAILABLE, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 4000, id="max"),
    pytest.param({**AVAILABLE, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": f"{3000 * 1024}\n",
                  "sys/fs/cgroup/a/memory.current": f"{1500 * 1024}\n",
                  "sys/fs/cgroup/a/memory.stat": f"anon 5\ninactive_file {500 * 1024}\n"}, 2000, id="a limit"),
    pytest.param({**AVAILABLE, "proc/self/cgroup": "4:memory:/a\n",
                  "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{1000 * 1024}\n",
                  "sys/fs/cgroup/memory/a/memory.usage_in_bytes": f"{2000 * 1024}\n",
                  "sys/fs/cgroup/memory/a/memory.stat": "total_inactive_file 0\n"}, 0, id="past the limit"),
])
def test_free_memory_is_what_the_machine_and_the_limits_leave(files, kilobytes, tmp_path):
    assert free_memory(written(tmp_path, files)) == kilobytes * 1024


def test_where_nobody_tells_of_memory_nothing_is_made_up(tmp_path):
    assert free_memory(tmp_path) is None
