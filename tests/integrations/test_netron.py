"""Pictures of models as Netron draws them, by the Chromium that is installed; what a user is told where it is not."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest
from build import encoder
from click.testing import CliRunner

import fxviz
from fxviz.cli import main
from fxviz.errors import ExportError, MissingDependency
from fxviz.integrations.browser import BROWSER_VARIABLE, find_browser, open_page
from fxviz.integrations.netron import take_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

R = TypeVar("R")


@pytest.fixture
def content() -> bytes:
    made = fxviz.render(encoder(3), "onnx")
    assert isinstance(made, bytes)
    return made


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("netron")
    pytest.importorskip("playwright")


@pytest.fixture
def chromium() -> None:
    if find_browser() is None:
        pytest.skip("chromium is not installed, which draws the page")


needs_browser = pytest.mark.usefixtures("chromium")


def apart(function: Callable[[], R]) -> R:
    """Call it in a thread of its own: playwright allows one driver in a thread, and other tests have one in this."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@needs_browser
def test_a_picture_shows_the_whole_graph(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    image = pytest.importorskip("matplotlib.image")
    picture = apart(lambda: take_picture(content))
    pixels = image.imread(io.BytesIO(picture), format="png")[..., :3]
    height, width, _ = pixels.shape
    assert (width, height) >= (600, 400)
    dark = (pixels < 0.5).all(axis=-1)
    assert dark.any(axis=1).nonzero()[0][-1] > height / 2  # boxes down to the lower half
    blue = (pixels[..., 2] > pixels[..., 0] + 0.2).any()  # a Gemm, in the colour of layers
    assert blue
    assert capfd.readouterr() == ("", "")


@needs_browser
def test_netron_says_why_it_cannot_open_a_file() -> None:
    with pytest.raises(ExportError, match="Netron cannot show the model: "):
        apart(lambda: take_picture(b"no model"))


@needs_browser
def test_a_page_that_takes_too_long_is_given_up() -> None:
    def wait() -> None:
        with open_page(seconds=0.01) as page:
            page.wait_for_function("false")

    with pytest.raises(ExportError, match="not drawn in time"):
        apart(wait)


@needs_browser
def test_what_the_page_does_wrong_is_one_line() -> None:
    def fail() -> None:
        with open_page() as page:
            page.evaluate("nothing.here")

    with pytest.raises(ExportError, match=r"^the browser failed: .*nothing is not defined$"):
        apart(fail)


def test_the_browser_is_named_or_the_first_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(BROWSER_VARIABLE, raising=False)
    assert find_browser() is None  # then playwright's own
    program = tmp_path / "chromium"
    program.write_text("")
    program.chmod(0o755)
    assert find_browser() == str(program)
    monkeypatch.setenv(BROWSER_VARIABLE, "nothing-here")
    with pytest.raises(MissingDependency, match="'nothing-here', which is not a program"):
        find_browser()


def test_without_a_browser_it_is_said_which_to_install(
    content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    words = ["netron", str(tmp_path / "m.onnx"), "--screenshot", str(tmp_path / "m.png")]
    monkeypatch.setenv(BROWSER_VARIABLE, "nothing-here")
    named = CliRunner().invoke(main, words)
    monkeypatch.delenv(BROWSER_VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    none = apart(lambda: CliRunner().invoke(main, words))
    monkeypatch.setitem(sys.modules, "playwright", None)
    undriven = CliRunner().invoke(main, words)
    for result, said in ((named, BROWSER_VARIABLE), (none, "playwright install"), (undriven, "fxviz[screenshot]")):
        assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
        assert said in result.output
    assert not (tmp_path / "m.png").exists()


@needs_browser
def test_the_command_writes_a_picture_and_ends(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    words = ["netron", str(tmp_path / "m.onnx"), "--screenshot", str(tmp_path / "m.png")]
    result = apart(lambda: CliRunner().invoke(main, words))
    assert (result.exit_code, result.output) == (0, f"wrote {tmp_path / 'm.png'}\n")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
