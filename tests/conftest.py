"""What every test may use: golden files."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

settings.register_profile("fxviz", deadline=None)  # a loaded machine is not a failure
settings.load_profile("fxviz")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
GOLDEN = Path(__file__).parent / "golden"

collect_ignore = ["plugin"]  # a package to install, not tests; looking for doctests there would import it


def pytest_configure() -> None:
    """A shell that runs tests in the background ignores Ctrl-C for them, and so would every process that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-update", action="store_true", help="write what the code makes now into tests/golden/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A chromium of all tests, for playwright allows one driver in a process."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed, which opens the page")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: ``text`` equals the file ``tests/golden/name``; its diff in git is the review."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--golden-update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        if not path.exists():
            pytest.fail(f"{path} does not exist; look at the output, then run pytest --golden-update")
        assert text == path.read_bytes().decode(), f"{path} differs; if that is meant, run pytest --golden-update"

    return check


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For tests that train tiny models: more than one thread would only be waited for, long on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
