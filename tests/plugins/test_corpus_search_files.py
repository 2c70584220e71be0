"""Bringing files into a corpus: formats, what changed, several processes at once, being cut off, and the commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agentfix_plugins.corpus_search.adding import Change, add, existing, remove
from agentfix_plugins.corpus_search.index import Index

from agentfix import AgentFixError, InputError
from agentfix.cli.main import main

LONG_AGO_NS = 10**18
PAGE = """<html><head><title>Basalt - Rocks</title></head><body><nav>Home | Rocks</nav><article><h1>Basalt</h1>
<p>Basalt is a dark rock that forms when lava cools quickly at the surface of a planet or a moon.</p>
<p>Most of the floor of the oceans is made of basalt, and so are the dark plains of the moon.</p></article></body>
</html>
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index(tmp_path / "index.sqlite", create=True)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def write(path: Path, text: str, *, time_ns: int = LONG_AGO_NS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(time_ns, time_ns))
    return path


def whats(changes: list[Change]) -> dict[str, str]:
    return {change.path.name: change.what for change in changes}


def added(index: Index, *paths: Path) -> dict[str, str]:
    return whats(list(add(index, paths)))


def problem(index: Index, path: Path) -> str:
    change, = add(index, [path])
    assert change.what == "failed"
    return change.problem


def pdf(text: str) -> bytes:
    """A PDF file of one page."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
               b"/Resources << /Font << /F1 5 0 R >> >> >>",
               b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    content, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return content + (b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n"
                      + str(len(content)).encode() + b"\n%%EOF\n")


# --- formats --------------------------------------------------------------------------------------------------------


def test_sections_of_markdown_have_the_titles_of_their_headings(index, folder):
    text = "Before.\n\n# Rocks\n\nAll of them.\n\n## Granite ##\nIt is hard.\n\n```sh\n# no heading\n```\n"
    write(folder / "rocks.md", text)
    added(index, folder)
    hit, = index.search("hard", 1)
    assert hit.piece.title == "Rocks: Granite"
    assert text[hit.piece.start:hit.piece.end] == hit.piece.text
    assert {kept.passages for kept in index.files()} == {3}


def test_a_pdf_file_says_its_pages(index, folder):
    (folder / "rocks.pdf").write_bytes(pdf("Gabbro cools slowly."))
    added(index, folder)
    hit, = index.search("gabbro", 1)
    assert (hit.piece.title, hit.piece.text, hit.piece.place) == ("rocks", "Gabbro cools slowly.", "#page=1")


@pytest.mark.parametrize(("content", "told"), [(b"%PDF-1.4\nnothing", "pypdf can't read it"), (b"", "can't read it"),
                                               (pdf(""), "it has no text: is it a scan?")])
def test_a_pdf_file_that_cant_be_read(index, folder, content, told, capfd):
    (folder / "rocks.pdf").write_bytes(content)
    assert told in problem(index, folder / "rocks.pdf")
    assert capfd.readouterr().err == ""


def test_a_page_is_read_without_its_menu(index, folder):
    write(folder / "basalt.html", PAGE)
    added(index, folder)
    hit, = index.search("lava", 1)
    assert "Basalt" in hit.piece.title
    assert "Home" not in hit.piece.text


@pytest.mark.parametrize(("name", "package"), [("a.pdf", "pypdf"), ("a.html", "trafilatura")])
def test_a_missing_package_is_named(index, folder, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    write(folder / name, PAGE)
    assert problem(index, folder / name).endswith(f"needs {package}: pip install 'agentfix[corpus]'")


@pytest.mark.parametrize("row", [{"contents": "Schist.", "heading": "Rocks", "link": "https://example.org"},
                                 {"body": "Schist.", "name": "Rocks", "uri": "https://example.org", "id": 3},
                                 {"text": "Schist.", "title": "Rocks", "url": "https://example.org", "more": [1]}])
def test_records_may_name_their_fields_differently(index, folder, row):
    write(folder / "rocks.jsonl", f"\n{json.dumps(row)}\n\n")
    added(index, folder)
    piece = index.search("schist", 1)[0].piece
    assert (piece.title, piece.text, piece.url, piece.place) == ("Rocks", "Schist.", "https://example.org", ":2")


@pytest.mark.parametrize(("row", "told"), [
    ('{"txt": "a", "id": 1}', "row 2 has no text: its fields are 'txt', 'id'; one must be text or"),
    ('{"text": ["a"]}', "row 2: its field 'text' is list, and must be a string"),
    ('{"text": "a", "title": 5}', "row 2: its field 'title' is int, and must be a string"),
    ("[1]", "row 2 is no JSON object but list"),
    ('{"text": ', "row 2 is no JSON: "),
    ("[" * 100_000, "row 2 is no JSON: "),
    ("\udcff", "row 2 is not UTF-8"),
])
def test_a_wrong_row_is_named_and_nothing_of_its_file_is_kept(index, folder, row, told):
    file = folder / "rocks.jsonl"
    file.write_bytes(b'{"text": "good"}\n' + row.encode("utf-8", "surrogateescape"))
    assert told in problem(index, file)
    assert (index.search("good", 1), index.files()) == ([], [])


def test_a_long_record_is_cut_and_a_short_one_is_not(index, folder):
    rows = [{"text": "Mica shines. " * 140}, {"text": "Talc is soft. " * 400}]
    write(folder / "rocks.jsonl", "\n".join(map(json.dumps, rows)))
    added(index, folder)
    assert len(index.search("mica", 1)[0].piece.text.split()) == 280
    assert len(index.search("talc", 1)[0].piece.text.split()) <= 150


@pytest.mark.parametrize("content", ["Gneiss schön".encode("utf-16"), "Gneiss schön".encode("utf-8-sig"),
                                     "Gneiss schön".encode("cp1252")])
def test_texts_in_other_encodings(index, folder, content):
    (folder / "a.txt").write_bytes(content)
    added(index, folder)
    assert index.search("gneiss", 1)[0].piece.text == "Gneiss schön"


def test_half_a_character_is_no_error(index, folder):
    write(folder / "a.jsonl", '{"text": "Opal \\ud800 shines"}')
    added(index, folder)
    assert len(index.search("opal", 1)) == 1


def test_a_file_that_is_no_text_is_left_out(index, folder):
    (folder / "a.txt").write_bytes(b"MZ\0\0\1\2")
    assert problem(index, folder / "a.txt") == "it is no text"


def test_a_file_of_any_name_is_a_text_when_it_is_named(index, folder):
    write(folder / "notes.py", "jade = 1")
    assert added(index, folder) == {"notes.py": "passed over"}
    assert added(index, folder / "notes.py") == {"notes.py": "added"}


# --- what changed ---------------------------------------------------------------------------------------------------


def test_only_what_changed_is_read_again(index, folder):
    for name in ("same", "touched", "changed", "gone"):
        write(folder / "deep" / f"{name}.txt", f"The {name} stone.")
    write(folder / ".hidden" / "a.txt", "hidden")
    assert set(added(index, folder).values()) == {"added"}
    write(folder / "deep" / "touched.txt", "The touched stone.", time_ns=LONG_AGO_NS + 1)
    write(folder / "deep" / "changed.txt", "Another pebble.")
    (folder / "deep" / "gone.txt").unlink()
    assert added(index, folder) == {"same.txt": "unchanged", "touched.txt": "unchanged", "changed.txt": "replaced",
                                    "gone.txt": "removed"}
    assert sorted(hit.path.stem for hit in index.search("stone", 9)) == ["same", "touched"]
    assert len(index.search("pebble", 9)) == 1


def test_a_change_within_the_tick_of_a_clock_is_seen(index, folder):
    file = folder / "a.txt"
    file.write_text("first", encoding="utf-8")
    added(index, file)
    status = file.stat()
    file.write_text("other", encoding="utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert added(index, file) == {"a.txt": "replaced"}


def test_a_file_that_can_no_longer_be_read_stays_as_it_was(index, folder):
    write(folder / "a.jsonl", '{"text": "beryl"}')
    added(index, folder)
    write(folder / "a.jsonl", "nonsense")
    change, = add(index, [folder])
    assert (change.what, change.passages) == ("failed", 1)
    assert len(index.search("beryl", 1)) == 1


def test_files_are_forgotten_by_path_even_when_they_are_gone(index, folder):
    for name in ("a/x.txt", "a/y.txt", "ab.txt"):
        write(folder / name, f"agate {name}")
    added(index, folder)
    (folder / "a" / "x.txt").unlink()
    assert whats(list(remove(index, folder / "a"))) == {"x.txt": "removed", "y.txt": "removed"}
    assert [kept.path.name for kept in index.files()] == ["ab.txt"]
    with pytest.raises(InputError, match=r"Nothing of .* is in the corpus"):
        list(remove(index, folder / "a"))


def test_what_was_removed_is_not_in_the_file_any_more(index, folder, tmp_path):
    write(folder / "a.txt", "Zirconium is secret. " * 50)
    added(index, folder)
    list(remove(index, folder / "a.txt"))
    index.compact()
    index.close()
    content = (tmp_path / "index.sqlite").read_bytes().lower()
    assert b"zirconium" not in content


# --- several processes, and being cut off ---------------------------------------------------------------------------

ADD = """
import sys; from pathlib import Path
from agentfix_plugins.corpus_search.adding import add; from agentfix_plugins.corpus_search.index import Index
print(sum(change.what == "added" for change in add(Index(Path(sys.argv[1]), create=True), [Path(sys.argv[2])])))
"""
DIE = """
import os, signal, sys; from pathlib import Path
from agentfix_plugins.corpus_search.adding import add; from agentfix_plugins.corpus_search.index import Index
def watch(path, passages):
    if path.name == "b.jsonl" and passages == 2000: os.kill(os.getpid(), signal.SIGKILL)
list(add(Index(Path(sys.argv[1]), create=True), [Path(sys.argv[2])], watch))
"""


def rows(word: str, count: int) -> str:
    return "\n".join(json.dumps({"text": f"{word} number {i}"}) for i in range(count))


def test_processes_that_add_at_once_lose_nothing(tmp_path, folder):
    for i in range(60):
        write(folder / f"{i}.txt", f"Obsidian number {i}.")
    path = tmp_path / "index.sqlite"
    adding = [subprocess.Popen([sys.executable, "-c", ADD, path, folder], stdout=subprocess.PIPE, text=True)
              for _ in range(3)]
    done = [process.communicate()[0] for process in adding]
    assert [process.returncode for process in adding] == [0, 0, 0]
    assert sum(map(int, done)) >= 60
    opened = Index(path)
    assert sorted(hit.piece.title for hit in opened.search("obsidian", 100)) == sorted(map(str, range(60)))
    assert sum(kept.passages for kept in opened.files()) == 60


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_adding_that_was_killed_leaves_whole_files_and_can_go_on(tmp_path, folder):
    for name, count in (("a.jsonl", 10), ("b.jsonl", 3000), ("c.jsonl", 10)):
        write(folder / name, rows(f"stone{name[0]}", count))
    path = tmp_path / "index.sqlite"
    killed = subprocess.run([sys.executable, "-c", DIE, path, folder], check=False)
    assert killed.returncode == -signal.SIGKILL
    opened = Index(path)
    assert (len(opened.search("stonea", 99)), len(opened.search("stoneb", 99))) == (10, 0)
    assert added(opened, folder) == {"a.jsonl": "unchanged", "b.jsonl": "added", "c.jsonl": "added"}
    assert len(opened.search("stoneb", 5000)) == 3000


# --- the commands ---------------------------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`agentfix corpus`: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main(["corpus", *map(str, arguments)])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call


def test_a_corpus_from_start_to_end(run, folder):
    file = write(folder / "a.txt", "Topaz is a gem.\x1b[2J")
    assert run("add", folder) == (0, "Files: 1 added. The corpus 'default': 1 passage of 1 file.\n", "")
    assert run("list") == (0, f"        1  indexed    {file}\nThe corpus 'default': 1 passage of 1 file.\n", "")
    status, out, _ = run("search", "what", "is", "topaz")
    assert (status, out.splitlines()[0], out.splitlines()[2]) == (0, "[1] a", "    Topaz is a gem.␛[2J")
    found, = json.loads(run("search", "topaz", "--json")[1])["passages"]
    assert (found["text"], found["source"]) == ("Topaz is a gem.\x1b[2J", str(file))
    assert run("search", "ruby") == (0, "No passage has any of these words.\n", "")
    assert run("rm", file)[1] == ("Files: 1 removed. The corpus 'default' is empty. "
                                  "Add files with: agentfix corpus add PATH\n")
    assert run("rm", "--all") == (0, "The corpus 'default' is deleted.\n", "")


def test_what_fails_or_is_gone_is_told_line_by_line(run, folder):
    write(folder / "a.txt", "Ruby.")
    run("add", folder)
    (folder / "a.txt").unlink()
    write(folder / "b.jsonl", '{"a": 1}')
    status, out, err = run("add", folder)
    assert (status, out[:26]) == (1, "Files: 1 removed, 1 failed")
    assert err.splitlines() == [
        f"agentfix: {folder}/b.jsonl: row 1 has no text: its fields are 'a'; one must be text or contents or "
        "content or passage or body or paragraph",
        f"agentfix: {folder}/a.txt: is gone, and left the corpus"]


def test_corpora_are_apart(run, folder):
    write(folder / "a.txt", "Ruby.")
    run("add", folder, "--corpus", "gems")
    assert run("search", "ruby")[0] == 2
    assert run("search", "ruby", "--corpus", "gems")[0] == 0
    assert run("list")[1].splitlines()[-1] == "Other corpora: gems. See one with --corpus NAME."


def test_a_file_can_be_searched_without_adding_it(run, folder):
    file = write(folder / "a.txt", "Ruby is red.")
    assert "Ruby is red." in run("search", "ruby", "--corpus", file)[1]
    assert run("list", "--corpus", file)[1].splitlines()[0].endswith(str(file))
    assert run("rm", "--all", "--corpus", file)[0] == 0


@pytest.mark.parametrize("arguments", [["add", "nothing.txt"], ["search", "x"], ["search", "x", "--corpus", "gems"],
                                       ["rm", "x"], ["rm"], ["add", ".", "--corpus", "a/b"], ["search"], ["nothing"]])
def test_misuse_is_one_line_and_leaves_nothing_behind(run, tmp_path, arguments):
    status, out, err = run(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "data").exists()


def test_a_damaged_index_is_one_line(run, tmp_path):
    (tmp_path / "data" / "corpora").mkdir(parents=True)
    (tmp_path / "data" / "corpora" / "default.sqlite").write_text("nonsense " * 200, encoding="utf-8")
    for arguments in (["search", "x"], ["list"], ["add", "."]):
        status, out, err = run(*arguments)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert "is damaged" in err


def test_a_folder_for_data_that_cant_be_made_is_one_line(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "file" / "data"))
    status, _, err = run("add", ".")
    assert (status, err.count("\n")) == (1, 1)
    with pytest.raises(AgentFixError, match="can't be made"):
        Index(tmp_path / "file" / "a.sqlite", create=True)


def test_paths_are_checked_before_anything_is_added(folder):
    with pytest.raises(InputError, match="There is no file"):
        existing([folder, folder / "nothing"])
