"""Writing files: the old one or the whole new one."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from fxviz import files
from fxviz.errors import InputError
from fxviz.files import write_file

if TYPE_CHECKING:
    from pathlib import Path


def test_text_and_bytes(tmp_path: Path) -> None:
    write_file(tmp_path / "a", "é\r\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\r\n"
    write_file(str(tmp_path / "a"), b"\x00\xff")
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_rights_are_those_of_any_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_file(tmp_path / "new", "")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "new").chmod(0o640)
    write_file(tmp_path / "new", "again")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_long_name(tmp_path: Path) -> None:
    write_file(tmp_path / ("a" * 255), "text")
    with pytest.raises(InputError, match="File name too long"):
        write_file(tmp_path / ("a" * 256), "text")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "text"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """As for /dev/stdout and /dev/null, which a rename would destroy for everyone."""
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_file(tmp_path / "pipe", "text")
    reader.join(timeout=10)
    assert read == [b"text"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "it is a folder"),
        ("none/file", "No such file or directory"),
        ("file/below", "Not a directory"),
        ("a\0b", "null"),
    ],
)
def test_where_nothing_can_be_written(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"cannot write .*{reason}"):
        write_file(f"{tmp_path}/{name}", "text")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_permission(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o444)
    with pytest.raises(InputError, match="read-only"):
        write_file(tmp_path / "file", "text")
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="Permission denied"):
        write_file(tmp_path / "new", "text")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_fails_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    (tmp_path / "file").write_text("old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises((KeyboardInterrupt, InputError)):
        write_file(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_text_that_cannot_be_encoded_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"half a character, '\\ud800'"):
        write_file(tmp_path / "file", "\ud800")
    assert not list(tmp_path.iterdir())
