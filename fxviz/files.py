"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["staged", "write_file"]


def write_file(path: str | Path, data: str | bytes) -> None:
    """Write ``data`` beside ``path`` and rename it to ``path``: the old file or the whole new one, never a part.

    A link is followed. Anything that is not a file, such as ``/dev/stdout``, is written to directly. An `InputError` says why a
    path cannot be written.
    """
    try:
        content = data.encode() if isinstance(data, str) else data
    except UnicodeEncodeError as error:
        raise InputError(f"cannot write {path}: its text holds half a character, {data[error.start]!r}") from error
    try:
        target = Path(path).resolve()
        if target.is_dir():
            raise InputError(f"cannot write {path}: it is a folder; give a file name")
        if target.exists() and not target.is_file():
            target.write_bytes(content)
        elif target.exists() and not os.access(target, os.W_OK):
            raise InputError(f"cannot write {path}: it is read-only; choose another name or make it writable")
        else:
            _replace(target, content)
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"cannot write {path}: {reason}; choose a folder that exists and that you may write to"
        ) from error


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a path of the same name in a private folder beside ``path``; on leaving, all files there move beside ``path``.

    After an error nothing is moved, and nothing is left. The file itself is moved last. An `InputError` says why a
    path cannot be written.
    """
    target = path.resolve()
    if target.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give a file name")
    try:
        folder = Path(tempfile.mkdtemp(prefix=".fxviz-", dir=target.parent))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"cannot write {path}: {reason}; choose a folder that exists and that you may write to"
        ) from error
    try:
        yield folder / target.name
        for file in sorted(folder.iterdir(), key=lambda file: file.name == target.name):
            os.replace(file, target.parent / file.name)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(target: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".fxviz-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # The file of mkstemp is private; give it the rights of the old file, or of any new one.
        os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
