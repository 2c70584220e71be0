"""`--image`: a picture goes with the question, or says in one line why it does not."""

from __future__ import annotations

import base64
import os

import pytest

from agentfix.cli.images import LARGEST_BYTES

PNG = b"\x89PNG\r\n\x1a\nrest"


@pytest.mark.parametrize(("data", "kind"), [
    (PNG, "png"), (b"\xff\xd8\xff\xe0rest", "jpeg"), (b"GIF89arest", "gif"), (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
])
def test_a_picture_is_known_by_its_bytes_and_goes_with_the_question(cli, agent, tmp_path, data, kind):
    (tmp_path / "picture.txt").write_bytes(data)
    assert cli("run", "What is this?", "--image", str(tmp_path / "picture.txt"), "--image", "https://a.b/c")[0] == 0
    file, address = agent.tasks[0].images
    assert file.url == f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    assert address.url == "https://a.b/c"


def test_what_is_no_picture_is_one_line(cli, agent, tmp_path):
    (tmp_path / "huge.png").write_bytes(PNG)
    os.truncate(tmp_path / "huge.png", LARGEST_BYTES + 1)
    (tmp_path / "empty.png").touch()
    (tmp_path / "sound.webp").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    for name, said in (("huge.png", "is larger than 20 MB"), ("empty.png", "is no picture"), (".", "Is a directory"),
                       ("sound.webp", "is no picture"), ("absent.png", "No such file"), ("\0", "can't be read")):
        status, out, err = cli("run", "What is this?", "--image", str(tmp_path / name))
        assert (status, out, err.count("\n")) == (2, "", 1) and said in err
    for address in ("http://a.b/c.png", "ftp://a.b/c.png"):
        status, _, err = cli("run", "What is this?", "--image", address)
        assert status == 2 and "is no https: address" in err
    assert agent.tasks == []


def test_a_file_without_end_is_not_read_to_its_end(cli):
    status, _, err = cli("run", "What is this?", "--image", "/dev/zero")
    assert status == 2 and "is larger than 20 MB" in err
