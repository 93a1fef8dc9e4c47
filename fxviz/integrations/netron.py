"""An ONNX file in Netron: served on the loopback interface, from a private folder; and pictures of it."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import ExportError, InputError, MissingDependency
from fxviz.integrations.browser import open_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Page

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
    """Serve the bytes of an ONNX file in Netron while the context lasts; yield the address to open.

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
    """Keep netron from setting up a log that prints, as it does in a program without one."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def take_picture(content: bytes, name: str = "model", *, seconds: float = 60) -> bytes:
    """Return a picture of an ONNX file as Netron draws it, as PNG, as large as the graph.

    It is drawn by a Chromium without a window. Raises `MissingDependency` without netron, playwright or a browser,
    `ExportError` for a file that Netron cannot open, or does not draw in ``seconds``.
    """
    with serve(content, name, browser=False) as address, open_page(seconds) as page:
        _resize(page, _LEAST)
        draw(page, address)
        box = page.evaluate("(({width, height}) => [width, height])(document.getElementById('origin').getBBox())")
        _resize(page, [int(extent) + 2 * _MARGIN for extent in box])
        draw(page, address)
        page.evaluate(_WITHOUT_BUTTONS)
        return page.screenshot()


def draw(page: Page, address: str) -> None:
    """Load Netron's page at ``address``, and wait until the graph is there; an `ExportError` has Netron's words."""
    # Netron asks about cookies unless it was told before.
    page.context.add_cookies([{"name": "consent", "value": str(int(time.time() * 1000)), "url": address}])
    page.goto(address)
    if (message := page.wait_for_function(_STATE).json_value()) != _DRAWN:
        raise ExportError(f"Netron cannot show the model: {' '.join(message.split())}")


def _resize(page: Page, wanted: Sequence[int]) -> None:
    """Give the page so many pixels, in the limits of a picture."""
    width, height = (min(max(extent, least), most) for extent, least, most in zip(wanted, _LEAST, _MOST, strict=True))
    page.set_viewport_size({"width": width, "height": height})
