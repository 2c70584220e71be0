"""What follows a strategy's name: what is none is one line, before any model is looked for."""

from __future__ import annotations

import pytest

from agentfix.cli.main import main


@pytest.mark.parametrize(("strategy", "told"), [
    ("abstain:1.5", "from 0 to 1"), ("abstain::", "no strategy named ''"), ("abstain:0.5::", "no strategy named ''"),
    ("abstain:٣:critic", "no strategy named"), ("worth:x:critic", "no strategy named 'x'"),
    ("worth:-5:critic", "such as worth:50000"), ("worth:1e400", "such as worth:50000"), ("auto:0.02$", "tokens"),
    ("hints:hints:critic", "stands twice"), ("abstain:0.5:" * 400 + "critic", "stands twice"),
    ("worth:" + "9" * 5000, "such as worth:50000"), ("reflexion:0", "from 1 to 16"), ("rewind:x", "from 1 to 16"),
    ("debate:99", "from 1 to 16"), ("debate:2:no-such", "no critic named 'no-such'"),
    ("debate:" + "9" * 5000, "from 1 to 16"), ("self-rewarding:" + "9" * 5000, "from 1 to 16"),
    ("self-consistency:" + "9" * 5000, "from 1 to 64"), ("best-of-n:0", "from 1 to 64"), ("selective:²", "from 1 to"),
    ("none:5", "takes no argument"), ("self-refine:9", "takes no argument"), ("critic:no-such", "'rewrite'"),
    ("self-rewarding:x\n\x1b[2Jy", "from 1 to 16"),
], ids=lambda text: text[:24].encode("ascii", "backslashreplace").decode())
def test_what_is_no_argument_is_said_in_one_line(strategy, told, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))
    assert main(["run", "--strategy", strategy, "What is 3 times 4?"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err and err.count("\n") == 1 and len(err) < 500 and "\x1b" not in err
