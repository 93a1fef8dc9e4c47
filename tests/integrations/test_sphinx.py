"""The Sphinx extension, on a site that is built."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from pages import MODEL, graphviz_missing

pytest.importorskip("sphinx", reason="sphinx is not installed")
if missing := graphviz_missing():
    pytest.skip(missing, allow_module_level=True)

from sphinx.cmd.build import build_main

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
Models
======

.. fxviz:: net.py:net
   :input: 3,4
   :depth: 0

.. fxviz:: net.py:net
   :input: input=3,4
   :format: table
   :show: parameters
   :no-fold:

.. fxviz:: net.py:net
   :input: 3,4
   :format: dot

.. fxviz-summary:: net.py:net
   :input: 3,4
   :device: h100
"""


def build(
    folder: Path,
    page: str,
    capfd: pytest.CaptureFixture[str],
    builder: str = "html",
    extensions: tuple[str, ...] = (),
) -> tuple[int, str, str]:
    """The exit code, the page, and what was said."""
    (folder / "net.py").write_text(MODEL)
    (folder / "conf.py").write_text(f"extensions = {['fxviz.integrations.sphinx', *extensions]}\n")
    (folder / "index.rst").write_text(page)
    code = build_main(["-b", builder, "-q", "-W", "--keep-going", "-E", str(folder), str(folder / builder)])
    built = folder / builder / f"index.{'html' if builder == 'html' else 'txt'}"
    return code, built.read_text() if built.exists() else "", capfd.readouterr().err


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # fxviz puts the working folder there


class Cells(HTMLParser):
    """The texts in table cells of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data.strip()


def test_a_site(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, page, said = build(tmp_path, PAGE, capfd)
    assert (code, said) == (0, "")
    assert page.count("<svg") == 1
    assert '<div class="fxviz"><style>' in page
    # 4·8 weights and 8 biases, 8·2 and 2
    assert Cells(page).found == [
        *("Module or operation", "Output shape", "Parameters"),
        *("0: linear", "3×8", "40"),
        *("1: relu", "3×8", ""),
        *("2: linear", "3×2", "18"),
        *("Total", "", "58"),
    ]
    assert "digraph" in page
    assert "Least time" in page


def test_mermaid_is_drawn_by_its_own_extension(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sphinxcontrib.mermaid", reason="sphinxcontrib-mermaid is not installed")
    page = "Models\n======\n\n.. fxviz:: net.py:net\n   :input: 3,4\n   :format: mermaid\n   :direction: LR\n"
    code, built, said = build(tmp_path, page, capfd, extensions=("sphinxcontrib.mermaid",))
    assert (code, said) == (0, "")
    assert re.search(r'<pre[^>]*class="mermaid"[^>]*>\s*---\nconfig:.*\nflowchart LR\n', built, re.DOTALL)


def test_another_format_than_html_has_the_table_for_a_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, page, said = build(tmp_path, PAGE.partition("\n\n.. fxviz:: net.py:net\n   :input: input")[0], capfd, "text")
    assert (code, said) == (0, "")
    assert "<svg" not in page
    assert "| 0: linear " in page


def test_an_option_under_its_old_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = "Models\n======\n\n.. fxviz:: net.py:net\n   :input: 3,4\n   :format: markdown\n   :budget: 1\n"
    code, built, said = build(tmp_path, page, capfd, "text")
    assert (code, said) == (0, "")
    new = build(tmp_path, page.replace(":budget:", ":max-boxes:"), capfd, "text")
    assert new == (code, built, said)


@pytest.mark.parametrize(
    ("directive", "said"),
    [
        (".. fxviz:: net.py:nets", "has no attribute 'nets'"),
        (".. fxviz:: net.py:net\n   :max-boxes: many", "'many' is not a valid integer"),
        (".. fxviz:: net.py:net\n   :bugdet: 3", 'unknown option: "bugdet"'),
        (".. fxviz:: net.py:net\n   :format: pgn", "did you mean png"),
        (".. fxviz:: net.py:net\n   :input: 3,4\n   :format: mermaid", "sphinxcontrib.mermaid"),
        (".. fxviz:: net.py:net\n   :format: onnx", "onnx is a file of its own"),
        (".. fxviz::", "1 argument(s) required"),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], directive: str, said: str) -> None:
    code, _, err = build(tmp_path, f"Models\n======\n\n{directive}\n", capfd)
    assert code == 1
    assert "index.rst:4: " in err
    assert said in err
