"""Telling the user on a terminal what takes long."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["prints_aside", "progress"]


@contextmanager
def prints_aside() -> Iterator[None]:
    """Send to stderr what a model prints while it is built and traced: stdout is for what the command writes."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Say what is going on, on a terminal, once it has taken a second."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(f"{doing} …")
    timer = threading.Timer(1.0, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
