"""Showing an ONNX file in Netron: on the loopback interface, from a private folder."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import InputError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["serve"]


@contextmanager
def serve(content: bytes, name: str = "model", *, port: int = 0, browser: bool = True) -> Iterator[str]:
    """Serve the bytes of an ONNX file in Netron while the context lasts; gives the address to open.

    Only this machine can reach it. Netron serves the whole folder of the file that it shows, so the file lies alone in
    a folder that only this user can read, and that goes with the context. ``port`` 0 is any free port.

    Raises `MissingDependency` without netron, `InputError` for a port that is taken.
    """
    try:
        import netron
    except ImportError as error:
        raise MissingDependency(
            "showing a model needs netron, which is not installed: pip install 'fxviz[netron]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="fxviz-") as folder:
        file = Path(folder, f"{re.sub('[^A-Za-z0-9_-]+', '_', name) or 'model'}.onnx")
        file.write_bytes(content)
        try:
            host, port = netron.start(str(file), ("127.0.0.1", port), browse=browser)
        except OSError as error:
            raise InputError(f"cannot serve on port {port}: {error.strerror}; choose another with --port") from error
        try:
            yield f"http://{host}:{port}"
        finally:
            netron.stop((host, port))
