"""Serve a read-only page on this machine that follows a run while it trains.

The server listens only on the loopback interface. It has two addresses, the page and the events of the run, and maps
neither to a file. A request that names another host is refused, so that no other website can read the page by resolving
its own name to this machine (DNS rebinding).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from fxviz.dashboard.following import Follower
from fxviz.dashboard.page import dashboard_page
from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fxviz.training.run import Run
    from fxviz.views.view import View

__all__ = ["serve"]

_ADDRESS = "127.0.0.1"
_NAMES = (_ADDRESS, "localhost")  # that a browser may ask for
_ALIVE = 15.0  # seconds after which a silent stream sends a comment
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@contextmanager
def serve(path: str | Path, *, port: int = 0, view: Callable[[Run], View] | None = None) -> Iterator[str]:
    """Serve a page about the run in the folder ``path`` while the context lasts; yield the address to open.

    The page follows the run, about a second behind. ``port`` 0 is any free port; ``view`` makes the graph that the run
    colours, and is None for a page of only the training.

    Raises `InputError` if there is no run, or the port is in use.
    """
    follower = Follower(path)
    shown = view(follower.run) if view is not None else None
    page = dashboard_page(shown, run=follower.run, live=True).encode()
    try:
        server = _Server((_ADDRESS, port), _Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot serve on port {port}: {reason}; choose another with --port") from error
    server.page, server.follower = page, follower
    listener = threading.Thread(target=server.serve_forever, name="fxviz-serve", args=(0.1,), daemon=True)
    with server, follower.following():
        listener.start()
        try:
            yield f"http://{_ADDRESS}:{server.server_port}/"
        finally:
            server.shutdown()
            listener.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # streams end by themselves once the run is no longer followed
    page: bytes
    follower: Follower

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a browser that disconnects is not an error, and a library does not print."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "fxviz"
    sys_version = ""
    timeout = 30  # seconds for a request to arrive

    def do_GET(self) -> None:
        if self.headers.get_all("Host", []) not in [[f"{name}:{self.server.server_port}"] for name in _NAMES]:
            self._refuse(HTTPStatus.FORBIDDEN, "This page is served to its own address only.")
        elif self.path == "/":
            self._begin(HTTPStatus.OK, "text/html; charset=utf-8", len(self.server.page))
            self.wfile.write(self.server.page)
        elif self.path == "/events":
            self._stream()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here; the page is at /.")

    def _not_allowed(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This page is read-only.")

    # The names that `http.server` calls for each method.
    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _not_allowed  # noqa: N815

    def _stream(self) -> None:
        """Send the newest data, again and again, as server-sent events (html.spec.whatwg.org)."""
        self._begin(HTTPStatus.OK, "text/event-stream")
        version = 0
        with suppress(ConnectionError, TimeoutError, EOFError):  # the browser left, or the run is no longer followed
            while True:
                found = self.server.follower.newer(version, _ALIVE)
                version, event = (found[0], f"data: {found[1]}\n\n") if found else (version, ": alive\n\n")
                self.wfile.write(event.encode())
                self.wfile.flush()

    def _refuse(self, status: HTTPStatus, words: str) -> None:
        content = f"{words}\n".encode()
        self._begin(status, "text/plain; charset=utf-8", len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the command has printed the address."""
