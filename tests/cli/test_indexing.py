"""The corpus of a run is indexed before the run begins."""

from __future__ import annotations

import pytest

from agentfix import InputError, load_settings
from agentfix.cli.indexing import index_corpus


def test_a_folder_is_indexed(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "mill.txt").write_text("The mill at Harrow was built by Ada Lund.", encoding="utf-8")
    index_corpus(load_settings({"corpus": str(docs), "data_dir": str(tmp_path / "data")}))
    assert list((tmp_path / "data" / "corpora").rglob("*.sqlite"))


def test_one_that_is_not_there_is_named_before_anything_is_asked(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        index_corpus(load_settings({"corpus": str(tmp_path / "nowhere.txt"), "data_dir": str(tmp_path / "data")}))


def test_no_corpus_is_touched_that_nobody_named(tmp_path):
    index_corpus(load_settings({"data_dir": str(tmp_path / "data")}))
    assert not (tmp_path / "data").exists()
