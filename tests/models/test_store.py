"""Prefixes on disk: found again by who may use them, and never an error."""

from __future__ import annotations

import os

import pytest

from agentfix.models.llamacpp.store import LEAST_TOKENS, PrefixStore, fingerprint

TOKENS = list(range(64))


def saved(folder, tokens, state, *, model="m", most_bytes=10**6):
    store = PrefixStore(folder, model, most_bytes)
    store.save(tokens, state)
    store.close()


def opened(folder, model="m"):
    return PrefixStore(folder, model, 10**6)


def test_the_longest_prefix_is_found_by_another_process(tmp_path):
    saved(tmp_path, TOKENS, b"short\n")
    saved(tmp_path, [*TOKENS, 1, 2], b"long")
    saved(tmp_path, [*TOKENS, 1, 3], b"other")
    store = opened(tmp_path)
    assert store.find([*TOKENS, 1, 2, 9], 0) == (len(TOKENS) + 2, b"long")
    assert store.find([*TOKENS, 2], 0) == (len(TOKENS), b"short\n")
    assert store.find([*TOKENS, 2], len(TOKENS)) is None
    assert store.find(TOKENS[1:], 0) is None


def test_what_another_model_read_is_none(tmp_path):
    saved(tmp_path, TOKENS, b"state")
    assert opened(tmp_path, "n").find(TOKENS, 0) is None
    assert opened(tmp_path, "n").wants(TOKENS) and not opened(tmp_path).wants(TOKENS)


def test_short_prefixes_are_not_wanted_and_one_is_wanted_once(tmp_path):
    store = opened(tmp_path)
    assert not store.wants(TOKENS[:LEAST_TOKENS - 1]) and store.wants(TOKENS[:LEAST_TOKENS]) and store.wants(TOKENS)
    store.save(TOKENS, b"state")
    assert not store.wants(TOKENS)
    store.close()


@pytest.mark.parametrize("damage", [
    lambda data: data[:-1], lambda data: data[:20], lambda data: b"", lambda data: data.replace(b"state", b"stale"),
    lambda data: data.replace(b"63", b"64"), lambda data: data + b"x",
])
def test_a_file_that_is_damaged_is_removed_and_read_again(tmp_path, damage):
    saved(tmp_path, TOKENS, b"state")
    path, = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    store = opened(tmp_path)
    assert store.find(TOKENS, 0) is None and not list(tmp_path.iterdir()) and store.wants(TOKENS)


def test_what_was_used_longest_ago_makes_room(tmp_path):
    for number in range(3):
        saved(tmp_path, [*TOKENS, number], b"x" * 1000, most_bytes=5000)
        for age, path in enumerate(sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(path, (1000 + age, 1000 + age))
    assert opened(tmp_path).find([*TOKENS, 0], 0)  # so it is the newest
    saved(tmp_path, [*TOKENS, 3], b"x" * 1000, most_bytes=5000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000
    left = [number for number in range(4) if opened(tmp_path).find([*TOKENS, number], 0)]
    assert left == [0, 2, 3]


def test_what_a_dead_process_left_is_cleared_away_and_what_a_living_one_writes_is_not(tmp_path):
    for name, age in (("dead", 0), ("alive", 2**33)):
        (tmp_path / name).write_bytes(b"begun")
        os.utime(tmp_path / name, (age, age))
    saved(tmp_path, TOKENS, b"state")
    assert not (tmp_path / "dead").exists() and (tmp_path / "alive").exists()


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    saved(tmp_path / "file" / "folder", TOKENS, b"state")
    store = opened(tmp_path / "file" / "folder")
    assert store.find(TOKENS, 0) is None and store.wants(TOKENS)


def test_a_state_larger_than_the_bound_is_not_written(tmp_path):
    saved(tmp_path / "new", TOKENS, b"x" * 1000, most_bytes=999)
    assert not (tmp_path / "new").exists()


def test_a_fingerprint_tells_files_apart(tmp_path):
    path = tmp_path / "m.gguf"
    told = set()
    for data in (b"", b"a" * 10, b"b" * 10, b"a" * 10_000_000, b"a" * 9_999_999 + b"b", b"a" * 10_000_001):
        path.write_bytes(data)
        told.add(fingerprint(path))
    assert len(told) == 6
