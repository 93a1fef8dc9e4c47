"""The folder of a run: the training process appends to it, others read it, also while it grows.

`RunLog` appends whole lines and hands each to the system at once: if the process is killed, at most the last line is
incomplete. `RunFolder` reads the lines that were appended since its last call.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import FormatError, InputError
from fxviz.files import write_file
from fxviz.training.schema import LOG, META, parse_entry, parse_meta, write_entry, write_meta

if TYPE_CHECKING:
    from fxviz.training.schema import Entry, Meta

__all__ = ["RunFolder", "RunLog", "holds_run"]

_MOST_BYTES = 64 * 2**20  # of a line or of meta.json: a model of 100,000 layers needs a fifth of it
_CHUNK = 4 * 2**20


def holds_run(path: str | Path) -> bool:
    """Return whether the folder ``path`` holds a run."""
    return (Path(path) / META).is_file()


class RunFolder:
    """A run on disk, read as far as it is written.

    ``meta`` is read at once; each `poll` returns the entries that were appended since the last one, and leaves an
    incomplete last line for the next. Raises `InputError` if there is no run or it cannot be read, and `FormatError`
    with the line number if its files are damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.meta: Meta = self._read_meta()
        self._offset = 0
        self._lines = 0

    def poll(self) -> tuple[Entry, ...]:
        """Return the new entries, in the order of the file."""
        entries: list[Entry] = []
        rest = b""
        try:
            with (self.path / LOG).open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:
                    raise FormatError(f"{self.path / LOG} has become shorter: it is another run now; open it again")
                file.seek(self._offset)
                while chunk := file.read(_CHUNK):
                    *whole, rest = (rest + chunk).split(b"\n")
                    entries += map(self._parse, whole)
                    if len(rest) > _MOST_BYTES:
                        raise FormatError(
                            f"{self.path / LOG}, line {self._lines + 1}, is longer than {_MOST_BYTES:,} bytes"
                        )
        except FileNotFoundError:
            return ()  # the training process has not written its first line yet
        except OSError as error:
            raise InputError(f"cannot read {self.path / LOG}: {error.strerror}") from error
        return tuple(entries)

    def _parse(self, line: bytes) -> Entry:
        try:
            entry = parse_entry(line, len(self.meta.layers))
        except FormatError as error:
            raise FormatError(f"{self.path / LOG}, line {self._lines + 1}: {error}") from error
        self._lines += 1
        self._offset += len(line) + 1
        return entry

    def _read_meta(self) -> Meta:
        if not self.path.is_dir():
            reason = "is a file, and a run is a folder" if self.path.exists() else "does not exist"
            raise InputError(f"there is no run at {self.path}: it {reason}")
        try:
            with (self.path / META).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise InputError(f"there is no run at {self.path}: it has no {META}") from error
        except OSError as error:
            raise InputError(f"cannot read {self.path / META}: {error.strerror}") from error
        if len(text) > _MOST_BYTES:
            raise FormatError(f"{self.path / META} is larger than {_MOST_BYTES:,} bytes")
        try:
            return parse_meta(text)
        except FormatError as error:
            raise FormatError(f"{self.path}: {error}") from error


class RunLog:
    """The log of a run, open for appending. ``nbytes`` is its size on disk."""

    def __init__(self, path: str | Path, meta: Meta | None) -> None:
        """Begin a run with ``meta`` in the folder ``path``, which is created; with None, continue the run there."""
        folder = Path(path)
        try:
            if meta is not None:
                folder.mkdir(parents=True, exist_ok=True)
                if (folder / LOG).exists():
                    raise FileExistsError(0, f"its {LOG} does not belong to a run")
                write_file(folder / META, write_meta(meta))
            self._file = (folder / LOG).open("a+b", buffering=0)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"cannot record a run in {folder}: {reason}") from error
        self.nbytes = self._cut_half_line()

    def append(self, entry: Entry) -> None:
        """Write one line and hand it to the system."""
        line = write_entry(entry)
        written = self._file.write(line)
        self.nbytes += written
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        self._file.close()

    def _cut_half_line(self) -> int:
        """Cut off the incomplete last line of a killed process, and return the length of the rest."""
        size = self._file.seek(0, os.SEEK_END)
        end = size
        while end:
            start = max(0, end - _CHUNK)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
        return end
