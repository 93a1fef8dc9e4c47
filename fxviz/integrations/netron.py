"""Showing an ONNX file in Netron: on the loopback interface, from a private folder; and pictures of it."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import ExportError, InputError, MissingDependency
from fxviz.integrations.browser import find_browser, open_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.integrations.browser import Page

__all__ = ["draw", "serve", "take_picture"]

_DRAWN = "drawn"
_STATE = f"""
((classes, message) => classes.contains('default') ? '{_DRAWN}' :
    classes.contains('notification') || classes.contains('alert') ? message.innerText : ''
)(document.body.classList, document.getElementById('message-text'))
"""
_WITHOUT_BUTTONS = "for (const id of ['toolbar', 'menu-button']) document.getElementById(id).style.display = 'none'"
_MARGIN = 80  # pixels around the graph
_LEAST, _MOST = (600, 400), (4000, 8000)  # pixels of a picture


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
    with _quiet(), tempfile.TemporaryDirectory(prefix="fxviz-") as folder:
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps netron from setting up a log that prints: it does where a program has none."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def take_picture(content: bytes, name: str = "model", *, seconds: float = 60) -> bytes:
    """A picture of an ONNX file as Netron draws it, as PNG, as large as the graph.

    It is drawn by a Chromium that is installed, without a window. Raises `MissingDependency` without netron or a
    browser, `ExportError` for what Netron cannot open, or does not draw in so many ``seconds``.
    """
    find_browser()
    with serve(content, name, browser=False) as address, open_page(seconds) as page:
        page.resize(*_LEAST)
        draw(page, address)
        box = page.evaluate("(({width, height}) => [width, height])(document.getElementById('origin').getBBox())")
        wanted = (int(extent) + 2 * _MARGIN for extent in box)
        page.resize(*(min(max(extent, least), most) for extent, least, most in zip(wanted, _LEAST, _MOST, strict=True)))
        draw(page, address)
        page.evaluate(_WITHOUT_BUTTONS)
        return page.picture()


def draw(page: Page, address: str) -> None:
    """Load Netron's page at ``address``, and wait until the graph is there; an `ExportError` has Netron's words."""
    # Netron asks about cookies unless it was told before.
    page.call("Network.setCookie", name="consent", value=str(int(time.time() * 1000)), url=address)
    page.call("Page.navigate", url=address)
    page.wait_for(f"document.readyState === 'complete' && location.href.startsWith({address!r})")
    if (message := page.wait_for(_STATE)) != _DRAWN:
        raise ExportError(f"Netron cannot show the model: {' '.join(message.split())}")
