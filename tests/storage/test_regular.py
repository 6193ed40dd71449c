"""Only a regular file is opened, and nothing is waited for."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from manyhot.storage import open_regular


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"
        assert not os.get_inheritable(file.fileno())


def test_folders_on_the_way_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("real")
    with open_regular(tmp_path / "link" / "a") as file:
        assert file.read() == b"abc"


def test_all_else_is_refused_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name, word in (
            ("link", "symbolic link; name the file that it leads to"),
            ("loop", "symbolic link"),
            ("pipe", "is a pipe"),
            ("socket", "is a socket"),
            (".", "is a folder"),
            ("/dev/zero", "is a device"),
            ("none", "No such file"),
        ):
            with pytest.raises(OSError) as caught:
                open_regular(tmp_path / name)
            assert word in str(caught.value.strerror)


def test_a_file_that_becomes_another_between_look_and_use(tmp_path: Path) -> None:
    """A link or a pipe that takes the file's place at any moment is never read: bytes are the file's, or none."""
    real, link, path = tmp_path / "real", tmp_path / "link", tmp_path / "path"
    (tmp_path / "secret").write_bytes(b"secret")
    path.write_bytes(b"file")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            real.write_bytes(b"file")
            if not link.is_symlink():
                link.symlink_to(tmp_path / "secret")
            link.replace(path)
            os.mkfifo(link)
            link.replace(path)
            real.replace(path)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: Counter[bytes] = Counter()
    wanted, enough = (b"file", b"symbolic link", b"pipe"), time.monotonic() + 60
    try:
        while seen.total() < 2000 or not all(any(w in words for words in seen) for w in wanted):
            assert time.monotonic() < enough, seen
            try:
                with open_regular(path) as file:
                    seen[file.read()] += 1
            except OSError as error:
                seen[str(error.strerror).encode()] += 1
    finally:
        stop.set()
        swapper.join()
    assert b"secret" not in seen and b"" not in seen
