from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from agentfix_plugins import datasets

from agentfix import DataSetError, DataSource, InputError, Plugins, PublishedDataSet, Settings
from agentfix.cli.main import main
from agentfix.evals import load, pull
from agentfix.evals.download import download

PLUGINS = Plugins(Settings(), {"datasets": datasets}, installed=False)


def published(name: str) -> PublishedDataSet:
    made = PLUGINS.build("dataset", name)
    assert isinstance(made, PublishedDataSet)
    return made


def zipped(name: str, content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


ROWS: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    "gsm8k": (b'{"question": "2 and 2?", "answer": "2 + 2 = 4\\n#### 4"}\n', [
        {"question": "2 and 2?", "answer": "2 + 2 = 4\n#### 4"}]),
    "svamp": (json.dumps([
        {"ID": "c-1", "Body": "A pen is 2 euros", "Question": "What are 3?", "Answer": 6.0, "Equation": "2*3"},
        {"ID": "c-2", "Body": "A pen is 2 euros.", "Question": "What are 4?", "Answer": 8.0}]).encode(), [
        {"id": "c-1", "question": "A pen is 2 euros, What are 3?", "answer": 6.0},
        {"id": "c-2", "question": "A pen is 2 euros. What are 4?", "answer": 8.0}]),
    "tabmwp": (json.dumps({"7": {"question": "Most?", "table": "x | y\na | 2", "choices": ["a", "b"], "answer": "a",
                                 "unit": None, "table_title": None, "solution": "..."}}).encode(), [
        {"pid": "7", "question": "Most?", "table": "x | y\na | 2", "table_title": None, "choices": ["a", "b"],
         "unit": None, "answer": "a"}]),
    "mbpp": (json.dumps([
        {"task_id": n, "prompt": "Add.", "test_list": ["assert f(1) == 2", "assert f(2) == 3"]} for n in (2, 11, 600)
    ]).encode(), [{"task_id": 11, "prompt": "Add.", "test_list": ["assert f(1) == 2", "assert f(2) == 3"]}]),
    "nq": (gzip.compress(b'{"question": "who?", "answers": ["she", "her"], "ctxs": []}\n'), [
        {"question": "who?", "answers": ["she", "her"], "ctxs": []}]),
    "hotpotqa": (json.dumps([{"_id": "h1", "question": "who?", "answer": "she", "type": "bridge", "level": "hard",
                              "supporting_facts": [["T", 0]], "context": [["T", ["..."]]]}]).encode(), [
        {"id": "h1", "question": "who?", "answer": "she", "type": "bridge", "level": "hard",
         "supporting_facts": [["T", 0]]}]),
    "ambignq": (zipped("data/dev_light.json", json.dumps([
        {"id": "a1", "question": "who?", "annotations": [{"type": "singleAnswer", "answer": ["she"]}]}])), [
        {"id": "a1", "question": "who?", "annotations": [{"type": "singleAnswer", "answer": ["she"]}]}]),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_file_of_a_data_set_becomes_rows_that_it_reads(name: str) -> None:
    file, rows = ROWS[name]
    made = published(name)
    assert list(made.rows(file)) == rows
    for row in rows:
        made.read(row)


@pytest.mark.parametrize("name", [*ROWS, "triviaqa", "quixbugs"])
@pytest.mark.parametrize("file", [b"<html>Not found</html>", b"[1]", b"{", b"\x1f\x8b\x08junk", b"[]" * 3])
def test_another_file_is_said_to_be_another(name: str, file: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="not what was published"):
        pull(name, published(name), tmp_path, lambda url, most: file)
    assert list(tmp_path.iterdir()) == []


ONE = b'{"question": "q", "answer": "2"'


def encrypted(file: bytes) -> bytes:
    """An archive whose only file is said to be encrypted."""
    start = file.find(b"PK\x01\x02")
    return file[:6] + b"\x01" + file[7:start + 8] + b"\x01" + file[start + 9:]


@pytest.mark.parametrize(("name", "file", "said"), [
    ("gsm8k", ONE + b', "id": [1]}', "row 1: "),
    ("gsm8k", ONE + b', "id": "a"}\n' + ONE + b', "id": "a"}', "row 2: the id 'a' is that of an earlier one"),
    ("gsm8k", ONE + b', "x": NaN}', "row 1: "),
    ("tabmwp", b'{"1": 5}', "no attribute"),
    ("mbpp", b'[{"task_id": 1e999}]', "infinity"),
    ("ambignq", encrypted(zipped("dev_light.json", "[]")), "encrypted"),
])
def test_whatever_is_wrong_with_a_file_is_one_error(name: str, file: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=said):
        pull(name, published(name), tmp_path, lambda url, most: file)
    assert list(tmp_path.iterdir()) == []


def test_text_that_can_not_be_written_as_it_is_arrives(tmp_path: Path) -> None:
    pull("gsm8k", Small(rows=1), tmp_path, lambda url, most: ONE + b', "x": "\\ud800 \\u2028"}')
    assert json.loads((tmp_path / "gsm8k.jsonl").read_text(encoding="utf-8"))["x"] == "\ud800 \u2028"


class Small:
    """GSM8K with two rows."""

    source = DataSource("http://127.0.0.1:1/x.jsonl", "MIT", "test", "nobody", "as they are", 2)

    def __init__(self, **changes: Any) -> None:
        made = published("gsm8k")
        self.read, self.rows = made.read, made.rows
        self.source = DataSource(**{"url": "http://h/x", "licence": "MIT", "split": "test", "citation": "nobody",
                                    "how": "as they are", "rows": 2, **changes})


FILE = b'{"question": "1 and 1?", "answer": "2"}\n{"id": "b", "question": "2 and 2?", "answer": "4"}\n'


def test_what_is_pulled_says_where_it_is_from_and_is_found_by_its_name(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    def fetch(url: str, most: int) -> bytes:
        asked.append((url, most))
        return FILE

    folder = tmp_path / "sets"
    pulled = pull("gsm8k", Small(), folder, fetch)
    assert (pulled.rows, pulled.path, asked) == (2, folder / "gsm8k.jsonl", [("http://h/x", 100_000_000)])
    told = json.loads((folder / "gsm8k.source.json").read_text(encoding="utf-8"))
    assert (told["licence"], told["split"], told["ids"], told["rows"]) == ("MIT", "test", ["gsm8k-0", "b"], 2)
    assert len(told["sha256"]) == 64
    assert [item.id for item in load("gsm8k", PLUGINS, pulled_dir=folder)] == ["gsm8k-0", "b"]
    assert sorted(path.name for path in folder.iterdir()) == ["gsm8k.jsonl", "gsm8k.source.json"]


def test_a_file_that_was_not_published_so_is_refused(tmp_path: Path) -> None:
    for changes, said in (({"rows": 3}, "holds 2 rows, not 3"), ({"sha256": "0" * 64}, "its SHA-256 is")):
        with pytest.raises(DataSetError, match=said):
            pull("gsm8k", Small(**changes), tmp_path, lambda url, most: FILE)
    with pytest.raises(DataSetError, match=r"row 2: .*no number"):
        pull("gsm8k", Small(), tmp_path, lambda url, most: FILE.replace(b"4", b"four"))
    (tmp_path / "gsm8k.jsonl").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="was not fetched"):
        pull("gsm8k", Small(), tmp_path, lambda url, most: FILE)
    assert (tmp_path / "gsm8k.jsonl").read_text(encoding="utf-8") == "mine"


class Server(BaseHTTPRequestHandler):
    """Serves FILE, redirects to it or in a circle, sends too much, or what was not asked for compressed so."""

    def do_GET(self) -> None:
        if self.path in ("/away", "/round"):
            self.send_response(302)
            host = f"http://127.0.0.1:{self.server.server_port}"
            self.send_header("Location", f"{host}/file" if self.path == "/away" else self.path)
            self.end_headers()
            return
        if self.path == "/bomb":
            packed = gzip.compress(gzip.compress(b" " * 50_000_000))
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip, gzip")
            self.end_headers()
            self.wfile.write(packed)
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" else 200)
        content = b"x" * 5000 if self.path == "/long" else FILE
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_follows_redirects_and_ends_at_its_bound(address: str) -> None:
    told: list[tuple[int, int | None]] = []
    assert download(f"{address}/moved", 1000, lambda done, total: told.append((done, total))) == FILE
    assert told[-1] == (len(FILE), len(FILE))
    with pytest.raises(DataSetError, match="more than 1,000 bytes"):
        download(f"{address}/long", 1000, lambda done, total: None)
    with pytest.raises(DataSetError, match="answered 404"):
        download(f"{address}/none", 1000, lambda done, total: None)
    for nowhere in ("http://127.0.0.1:1/file", f"{address}/round"):
        with pytest.raises(DataSetError, match="can't be reached"):
            download(nowhere, 1000, lambda done, total: None)


def test_a_download_is_not_led_into_a_private_network(address: str) -> None:
    with pytest.raises(DataSetError, match="is in a private network"):
        download(f"{address.replace('127.0.0.1', 'localhost')}/away", 1000, lambda done, total: None)


def test_what_is_compressed_unasked_is_not_unpacked(address: str) -> None:
    assert len(download(f"{address}/bomb", 1000, lambda done, total: None)) < 1000


PLUGIN = """
from agentfix import DataSource, Plugins, Score, Task, hookimpl

class Yes:
    async def score(self, answer, judge):
        return Score(answer == "yes", 0.0)

class Yeses:
    source = DataSource("ADDRESS", "CC0-1.0", "test", "nobody", "as it is", 2)

    def rows(self, file):
        import json
        return [json.loads(line) for line in file.splitlines()]

    def read(self, row):
        return Task(row["question"]), Yes()

@hookimpl
def agentfix_register_datasets(register):
    register("yeses", lambda build: Yeses(), "Yes or no.")
"""


def test_the_command_lists_and_pulls_what_plugins_bring(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "yeses.py").write_text(PLUGIN.replace("ADDRESS", f"{address}/file"), encoding="utf-8")
    assert main(["datasets", "pull", "yeses", "--plugin", "yeses.py"]) == 0
    assert "yeses: 2 rows in" in capsys.readouterr().out
    assert main(["datasets", "list", "--plugin", "yeses.py"]) == 0
    out = capsys.readouterr().out
    assert "test, 2 rows, CC0-1.0" in out and "here: " in out
    assert "test, 1,319 rows, MIT" in out and "openai/grade-school-math" in out and "arXiv:2110.14168" in out
    assert main(["datasets", "list", "--plugin", "yeses.py", "--json"]) == 0
    told = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)["datasets"]}
    assert told["yeses"]["path"] == str(tmp_path / "data" / "datasets" / "yeses.jsonl")
    assert told["plain"]["source"] is None and told["mbpp"]["source"]["licence"] == "CC BY 4.0"


def test_what_can_not_be_pulled_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yeses.py").write_text(PLUGIN.replace("ADDRESS", "http://127.0.0.1:1/x"), encoding="utf-8")
    for name, status, said in (("yeses", 1, "127.0.0.1:1 can't be reached"), ("plain", 2, "does not say where"),
                               ("yesses", 2, "yeses")):
        assert main(["datasets", "pull", name, "--plugin", "yeses.py", "--data-dir", "sets"]) == status
        out, err = capsys.readouterr()
        assert out == "" and said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "sets").exists()
    assert main(["eval", "gsm8k"]) == 2
    assert "agentfix datasets pull gsm8k" in capsys.readouterr().err


def test_a_data_set_that_can_t_be_used_here_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    broken = PLUGIN.replace('register("yeses", ', 'register("noes", lambda build: 1 / 0)\n    register("yeses", ')
    (tmp_path / "yeses.py").write_text(broken, encoding="utf-8")
    assert main(["datasets", "list", "--plugin", "yeses.py"]) == 0
    out = capsys.readouterr().out
    assert "not to be used here: Plugin 'yeses': making dataset 'noes' failed: ZeroDivisionError" in out
    assert "openai/grade-school-math" in out
