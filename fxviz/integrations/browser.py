"""A page of a Chromium without a window, driven by playwright, to take pictures of what programs draw."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fxviz.errors import ExportError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

__all__ = ["BROWSER_VARIABLE", "find_browser", "open_page"]

BROWSER_VARIABLE = "FXVIZ_CHROMIUM"
"""The environment variable that names the browser to use."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_OPTIONS = (
    *("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-extensions"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the page reaches this machine and no other
)
_KEEP_EVAL = """
const kept = window.eval;
Object.defineProperty(window, 'eval', { get: () => kept, set: () => {} });
"""  # playwright needs it, also on a page that forbids it by its policy or takes it away


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome: the one that ``FXVIZ_CHROMIUM`` names, else the first on the PATH.

    None is the one of ``playwright install chromium``. Raises `MissingDependency` without playwright, and for a name that
    is not a program.
    """
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            "a picture of a page needs playwright, which is not installed: pip install 'fxviz[screenshot]'"
        ) from error
    if named := os.environ.get(BROWSER_VARIABLE):
        if found := shutil.which(named):
            return found
        raise MissingDependency(f"{BROWSER_VARIABLE} is {named!r}, which is not a program that can be run")
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_page(seconds: float = 60) -> Iterator[Page]:
    """Open an empty page in a new browser, which ends with the context; nothing waited for may take longer than ``seconds``.

    Raises `MissingDependency` without a browser, `ExportError` for what the browser cannot do, or not in time.
    """
    program = find_browser()
    from playwright.sync_api import Error, TimeoutError, sync_playwright

    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=program, args=_OPTIONS)
        except Error as error:
            raise MissingDependency(
                f"a picture of a page needs Chromium or Chrome: install one, name it in {BROWSER_VARIABLE}, or run "
                f"playwright install chromium ({error.message.splitlines()[0]})"
            ) from error
        try:
            page = browser.new_page(bypass_csp=True)
            page.add_init_script(_KEEP_EVAL)
            page.set_default_timeout(1000 * seconds)
            yield page
        except TimeoutError as error:
            raise ExportError(
                "the page was not drawn in time: show less of the model, with --depth or --focus"
            ) from error
        except Error as error:
            raise ExportError(f"the browser failed: {error.message.splitlines()[0]}") from error
        finally:
            browser.close()
