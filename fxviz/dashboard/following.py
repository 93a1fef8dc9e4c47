"""Follow a run that may still grow: one thread reads it for all open pages."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fxviz.dashboard.training import run_data
from fxviz.errors import FxvizError
from fxviz.training.files import RunFolder
from fxviz.training.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fxviz.training.schema import Entry

__all__ = ["Follower"]

_SHARE = 0.2  # of the time, at most, is spent reading and diagnosing a long run


class Follower:
    """Keeps the newest data of the run in a folder as a JSON message: ``{"run": …}``, or ``{"fault": …}`` in words.

    The first message exists as soon as the follower does; creating it raises the errors of `RunFolder`. If the run in
    the folder is replaced, the new one is read from its start.
    """

    def __init__(self, path: str | Path, seconds: float = 1.0) -> None:
        self._path = path
        self._seconds = seconds
        self._folder = RunFolder(path)
        self._entries: list[Entry] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._version = 0
        self._message = ""
        self.run = self._read()
        self._publish({"run": run_data(self.run)})

    @contextmanager
    def following(self) -> Iterator[None]:
        """Read what is appended while the context lasts; at its end, every waiting `newer` raises `EOFError`."""
        reader = threading.Thread(target=self._follow, name="fxviz-follow", daemon=True)
        reader.start()
        try:
            yield
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            reader.join()

    def newer(self, version: int, seconds: float) -> tuple[int, str] | None:
        """Return the newest message with its version, once it is newer than ``version``; None after so many seconds.

        Raises `EOFError` once following has ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._version > version, seconds)
            if self._stopped:
                raise EOFError("the run is no longer followed")
            return (self._version, self._message) if self._version > version else None

    def _follow(self) -> None:
        pause = self._seconds
        while not self._wait(pause):
            begun = time.monotonic()
            try:
                if self._has_grown():
                    self._publish({"run": run_data(self.run)})
            except FxvizError as error:
                self._publish({"fault": str(error)})
                self._reopen()
            pause = max(self._seconds, (time.monotonic() - begun) / _SHARE)

    def _wait(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._stopped, seconds)

    def _has_grown(self) -> bool:
        before = len(self._entries)
        self.run = self._read()
        return len(self._entries) > before

    def _read(self) -> Run:
        self._entries += self._folder.poll()
        return Run(self._folder.path.resolve().name, self._folder.meta, tuple(self._entries))

    def _reopen(self) -> None:
        try:
            self._folder = RunFolder(self._path)
        except FxvizError:
            return  # absent for now: the page shows the fault, and the next attempt may succeed
        self._entries = []

    def _publish(self, message: dict[str, object]) -> None:
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
        with self._changed:
            if text != self._message:
                self._version += 1
                self._message = text
                self._changed.notify_all()
