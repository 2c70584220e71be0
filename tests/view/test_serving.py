"""Who is let in where the page is served, and what the command says."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from agentfix.cli.main import main
from tests.view.looking import serving
from tests.view.traces import search, write


@pytest.fixture
async def journal(tmp_path):
    await write(tmp_path, [search(12)])
    return tmp_path


def get(address: str, path: str | None = None, *, host: str | None = None, method: str = "GET"):
    """Status, headers and text of a request to where `address` is served."""
    there = urlsplit(address)
    connection = http.client.HTTPConnection(there.hostname, there.port, timeout=10)
    connection.request(method, there.path if path is None else path, headers={"Host": host or there.netloc})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, reply.headers, text


def test_only_who_knows_the_token_and_means_this_machine_is_let_in(journal):
    with serving(journal) as address:
        there = urlsplit(address)
        assert get(address)[0] == 200
        assert get(address, host=f"localhost:{there.port}")[0] == 200
        token = there.path.strip("/")
        assert len(token) >= 32
        for path in (
            "/",
            "/data/runs",
            f"/{token[:-1]}/data/runs",
            f"/{token}x/",
            f"//{token}x/data/runs",
            f"/{token}",
            f"/x/../{token[:-2]}/",
        ):
            status, _, text = get(address, path)
            assert (status, "median" in text) == (403, False), path
        for host in (
            "evil.test",
            f"evil.test:{there.port}",
            "127.0.0.1",
            f"127.0.0.1.evil.test:{there.port}",
            f"127.0.0.1:{there.port + 1}",
        ):
            assert get(address, host=host)[0] == 403, host
        assert get(address, method="POST")[0] == 405


def test_what_is_served_may_not_run_anything_from_elsewhere(journal):
    with serving(journal) as address:
        for path in ("", "page.js", "data/runs", "nothing.js", "data/run?run=nothing"):
            _, headers, _ = get(address, urlsplit(address).path + path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        page = get(address)[2]
        assert "<script>" not in page and " style=" not in page and "http" not in page.replace("http-equiv", "")


def test_what_is_not_there_is_said(journal):
    with serving(journal) as address:
        base = urlsplit(address).path
        for path in (
            "data/run?run=nothing",
            "data/run",
            "data/attempt?run=20260101-000000-search&number=99",
            "data/evaluation",
            "data/attempt?run=20260101-000000-search&number=-1",
            "data/step?run=20260101-000000-search&number=0",
            "data/nothing",
        ):
            status, _, text = get(address, base + path)
            assert status == 404 and json.loads(text)["error"], path
        assert get(address, f"{base}../pyproject.toml")[0] in (403, 404)
        assert get(address, f"{base}..%2f..%2fcommand.py")[0] == 404


def test_a_file_can_be_written_where_no_server_is_installed(journal, tmp_path):
    hidden = (
        "import sys; sys.modules['uvicorn'] = sys.modules['starlette'] = None; from agentfix.cli.main import main; "
        "sys.exit(main(sys.argv[1:]))"
    )

    def call(*arguments: str):
        return subprocess.run(
            [sys.executable, "-c", hidden, "view", *arguments],
            capture_output=True,
            text=True,
            env={"AGENTFIX_DATA_DIR": str(journal), "PYTHONPATH": ":".join(sys.path)},
            check=False,
        )

    assert call("last", "--html", str(tmp_path / "x.html")).returncode == 0
    refused = call("last")
    assert refused.returncode != 0 and "pip install 'agentfix[view]'" in refused.stderr


def test_a_page_is_not_written_over_what_it_shows(journal, monkeypatch, capfd):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(journal))
    monkeypatch.chdir(journal)
    records, same = journal / "results.jsonl", journal / "same.html"
    records.write_text("{}\n")
    same.symlink_to(journal / "journal.sqlite")
    for shown, written in (("last", "journal.sqlite"), ("last", "same.html"), ("results.jsonl", "results.jsonl")):
        assert main(["view", shown, "--html", written]) == 2
        assert "would be written over" in capfd.readouterr().err
    assert records.read_text() == "{}\n" and main(["runs", "list"]) == 0


@pytest.mark.parametrize("header", ['{"seed": {}}', '{"seed": "x"}', '{"seed": 1e400}'])
def test_an_evaluation_with_a_strange_header_is_shown(journal, monkeypatch, capfd, header):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(journal))
    monkeypatch.chdir(journal)
    (journal / "results.jsonl").write_text(f"{header}\n")
    assert main(["view", "results.jsonl", "--html", "x.html"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "There is no run 'nothing'"),
        (["nothing.jsonl"], "can't be read"),
        (["deep.jsonl"], "not a record of an evaluation"),
        (["--html", "x.html"], "agentfix view last --html FILE"),
        (["a", "b", "c"], "Name one or two"),
        (["last", "--html", "missing/x.html"], "can't be written"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(journal, monkeypatch, capfd, arguments, said):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(journal))
    monkeypatch.chdir(journal)
    (journal / "deep.jsonl").write_text('{"a":' + "[" * 5000 + "]" * 5000 + "}\n")
    assert main(["view", *arguments]) != 0
    assert said in capfd.readouterr().err


def test_that_there_are_no_runs_yet_is_said(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path))
    assert main(["view"]) == 1
    assert "There are no runs yet" in capfd.readouterr().err


def test_a_port_that_is_taken_is_said(journal, monkeypatch, capfd):
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(journal))
    with serving(journal) as address:
        assert main(["view", "--port", str(urlsplit(address).port)]) == 2
    assert "can't be used" in capfd.readouterr().err
