"""The MkDocs plugin, on a site that is built."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from pages import GIVEN, MODEL, graphviz_missing, marked

pytest.importorskip("mkdocs", reason="mkdocs is not installed")
if missing := graphviz_missing():
    pytest.skip(missing, allow_module_level=True)

from mkdocs.commands.build import build as build_site
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "site_name: x\ntheme: {name: null, custom_dir: theme}\nplugins: [fxviz]\nmarkdown_extensions: [tables, fenced_code]\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a site without pages; its theme is the page alone."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # fxviz puts the working folder there
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "theme").mkdir()
    (tmp_path / "theme" / "main.html").write_text("{{ page.content }}")
    (tmp_path / "mkdocs.yml").write_text(CONFIG)
    (tmp_path / "docs" / "net.py").write_text(MODEL)
    return tmp_path


def build(site: Path) -> None:
    build_site(load_config(str(site / "mkdocs.yml"), strict=True))


def test_markers_and_fences_are_filled(site: Path) -> None:
    page = f"# Title\n\n```fxviz\nexport {GIVEN}\n```\n\n- item\n\n    <!-- fxviz: export {GIVEN} --format md -->\n    <!-- /fxviz -->\n"
    (site / "docs" / "index.md").write_text(page)
    build(site)
    built = (site / "site" / "index.html").read_text()
    assert re.search(r'<code class="language-mermaid">---\nconfig:', built)
    assert re.search(r"<li>\s*<p>item</p>.*<td>0: linear</td>.*</li>", built, re.DOTALL)
    assert (site / "docs" / "index.md").read_text() == page


def test_pictures_go_to_the_site_alone(site: Path) -> None:
    (site / "docs" / "a.svg").write_text("<svg>old</svg>")  # as `fxviz docs` may have left it
    (site / "docs" / "index.md").write_text(marked(f"export {GIVEN} -o a.svg"))
    (site / "docs" / "sub" / "page.md").write_text(marked(f"export ../{GIVEN} -o images/b.svg"))
    build(site)
    for name in ("a.svg", "sub/images/b.svg"):
        assert "0: linear" in (site / "site" / name).read_text()
    assert 'src="a.svg"' in (site / "site" / "index.html").read_text()
    assert 'src="../images/b.svg"' in (site / "site" / "sub" / "page" / "index.html").read_text()
    assert (site / "docs" / "a.svg").read_text() == "<svg>old</svg>"
    assert not (site / "docs" / "sub" / "images").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("export net.py:nets", "index.md:3: net has no attribute 'nets'"),
        ("export net.py:net --format svg", "index.md:3: svg is a file of its own"),
        (f"export {GIVEN} -o ../a.svg", "index.md:3: -o ../a.svg leads out of its page's folder"),
    ],
)
def test_an_error_ends_the_build_and_names_the_line(
    site: Path, command: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    (site / "docs" / "index.md").write_text(marked(command))
    with pytest.raises(Abort):
        build(site)
    assert said.partition(": ")[2].partition(" has no")[2] in caplog.text
    assert said.partition(": ")[0] in caplog.text
