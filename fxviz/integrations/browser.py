"""Pictures of pages, by a Chromium that is installed: driven over a pipe, in a profile of its own that is thrown away."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fxviz.errors import ExportError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BROWSER_VARIABLE", "Page", "find_browser", "open_page"]

BROWSER_VARIABLE = "FXVIZ_CHROMIUM"
"""The environment variable that names the browser to use."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the page talks to this machine and to no other
)
# Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, number in zip(ends, (3, 4)):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
_SOON = 0.1  # seconds between two looks at a page


def find_browser() -> str:
    """The path of a Chromium or Chrome: the one that ``FXVIZ_CHROMIUM`` names, else the first on the PATH."""
    if named := os.environ.get(BROWSER_VARIABLE):
        if found := shutil.which(named):
            return found
        raise MissingDependency(f"{BROWSER_VARIABLE} is {named!r}, which is no program that can be run")
    if os.name != "posix":
        raise MissingDependency("a picture of a page is taken over a pipe to Chromium, which needs Linux or macOS")
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise MissingDependency(
        f"a picture of a page needs Chromium or Chrome, and none is on the PATH: install one, or name it in {BROWSER_VARIABLE}"
    )


@contextmanager
def open_page(seconds: float = 60) -> Iterator[Page]:
    """An empty page in a new browser, which ends with the context; everything on the page is to be done in ``seconds``."""
    program = find_browser()
    to_browser, to_us = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="fxviz-browser-", ignore_cleanup_errors=True) as profile:
        ends = (str(to_browser[0]), str(to_us[1]))
        command = [
            sys.executable,
            "-ISc",
            _LAUNCH,
            *ends,
            program,
            *_OPTIONS,
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        process = subprocess.Popen(
            command, pass_fds=(to_browser[0], to_us[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser[0])
        os.close(to_us[1])
        try:
            yield Page(to_browser[1], to_us[0], time.monotonic() + seconds)
        finally:
            os.close(to_browser[1])  # a browser whose pipe is closed ends
            os.close(to_us[0])
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Page:
    """A page of a browser at the other end of two pipes; see the Chrome DevTools Protocol."""

    def __init__(self, write: int, read: int, deadline: float) -> None:
        self._write = write
        self._read = read
        self._deadline = deadline
        self._unread = b""
        self._number = 0
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **parameters: Any) -> Any:
        """What the browser answers to a command; an `ExportError` says what it does not do, or that it takes too long."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")
        except BrokenPipeError as error:
            raise ExportError("the browser ended before its page was drawn") from error
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ExportError(f"the browser refuses {method}: {answer['error'].get('message')}")
                return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript on the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The value of ``expression`` as soon as it is true."""
        while not (value := self.evaluate(expression)):
            time.sleep(_SOON)
        return value

    def resize(self, width: int, height: int) -> None:
        """Give the page so many pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self) -> bytes:
        """What is seen of the page, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _receive(self) -> Any:
        while b"\0" not in self._unread:
            left = self._deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise ExportError("the page was not drawn in time: show less of the model, with --depth or --focus")
            if not (part := os.read(self._read, 1 << 16)):
                raise ExportError("the browser ended before its page was drawn")
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)
