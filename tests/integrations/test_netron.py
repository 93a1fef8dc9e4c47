"""Pictures of models as Netron draws them, by the Chromium that is installed; what a user is told where it is not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import onnx
import pytest
from build import encoder
from click.testing import CliRunner

import fxviz
from fxviz.cli import main
from fxviz.errors import ExportError, MissingDependency
from fxviz.integrations.browser import BROWSER_VARIABLE, find_browser, open_page
from fxviz.integrations.netron import take_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def content() -> bytes:
    made = fxviz.render(encoder(3), "onnx")
    assert isinstance(made, bytes)
    return made


@pytest.fixture
def browser() -> str:
    pytest.importorskip("netron")
    try:
        return find_browser()
    except MissingDependency as error:
        pytest.skip(str(error))


def test_a_picture_shows_the_whole_graph(content: bytes, browser: str, capfd: pytest.CaptureFixture[str]) -> None:
    image = pytest.importorskip("matplotlib.image")
    pixels = image.imread(io.BytesIO(take_picture(content)), format="png")[..., :3]
    height, width, _ = pixels.shape
    assert (width, height) >= (600, 400)
    dark = (pixels < 0.5).all(axis=-1)
    assert dark.any(axis=1).nonzero()[0][-1] > height / 2  # boxes down to the lower half
    blue = (pixels[..., 2] > pixels[..., 0] + 0.2).any()  # a Gemm, in the colour of layers
    assert blue
    assert capfd.readouterr() == ("", "")


def test_what_netron_cannot_open_is_told_in_its_words(browser: str) -> None:
    with pytest.raises(ExportError, match="Netron cannot show the model: "):
        take_picture(b"no model")


def test_a_page_that_takes_too_long_is_given_up(browser: str) -> None:
    with open_page(seconds=20) as page:
        page._deadline = 0
        with pytest.raises(ExportError, match="not drawn in time"):
            page.evaluate("1")


def test_without_a_browser_it_is_said_which_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(BROWSER_VARIABLE, raising=False)
    with pytest.raises(MissingDependency, match="none is on the PATH"):
        find_browser()
    monkeypatch.setenv(BROWSER_VARIABLE, "nothing-here")
    with pytest.raises(MissingDependency, match="'nothing-here', which is no program"):
        find_browser()
    onnx.save(onnx.load_from_string(bytes(fxviz.render(encoder(1), "onnx"))), tmp_path / "m.onnx")
    result = CliRunner().invoke(main, ["netron", str(tmp_path / "m.onnx"), "--screenshot", str(tmp_path / "m.png")])
    assert result.exit_code == 1
    assert BROWSER_VARIABLE in result.output
    assert not (tmp_path / "m.png").exists()


def test_the_command_writes_a_picture_and_ends(content: bytes, browser: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    result = CliRunner().invoke(main, ["netron", str(tmp_path / "m.onnx"), "--screenshot", str(tmp_path / "m.png")])
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
