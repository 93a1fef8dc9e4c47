"""What notebooks show: the forms in which graphs, views and summaries offer themselves, and a notebook that is run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from build import encoder
from hostile import WORDS, renamed
from pages import graphviz_missing

import fxviz
from fxviz import Facts, Flops, View
from fxviz.errors import ExportError
from fxviz.exporters.drawing import graphviz
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.integrations.notebook import drawing_on_page, mimebundle
from fxviz.passes.devices import find_device
from fxviz.passes.roofline import Roofline

if TYPE_CHECKING:
    from collections.abc import Callable

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
SVG = "{http://www.w3.org/2000/svg}"

needs_graphviz = pytest.mark.skipif(bool(graphviz_missing()), reason=graphviz_missing())


@pytest.fixture
def shell() -> Any:
    interactive = pytest.importorskip("IPython.core.interactiveshell", reason="IPython is not installed")
    return interactive.InteractiveShell()


@needs_graphviz
def test_a_graph_and_a_view_offer_every_form() -> None:
    graph = encoder()
    whole = graph._repr_mimebundle_()
    assert [*whole] == ["text/html", "image/svg+xml", "text/vnd.mermaid", "text/plain"]
    assert whole["image/svg+xml"] == fxviz.render(graph, "svg")
    assert whole["text/vnd.mermaid"] == fxviz.render(graph, "mermaid")
    assert whole["text/plain"] == fxviz.render(graph, "text")
    view = View.of(graph, depth=0)
    assert view._repr_mimebundle_()["text/vnd.mermaid"] == fxviz.render(view, "mermaid")
    assert view._repr_mimebundle_(include={"text/plain"}) == {"text/plain": fxviz.render(view, "text")}
    assert [*view._repr_mimebundle_(exclude={"image/svg+xml", "text/plain"})] == ["text/html", "text/vnd.mermaid"]


@needs_graphviz
def test_the_drawing_on_a_page_has_tooltips_and_escapes_names() -> None:
    html = drawing_on_page(mimebundle(renamed([*WORDS]))["image/svg+xml"])
    page = ElementTree.fromstring(html.replace("&nbsp;", " "))
    assert len([*page.iter(f"{SVG}svg")]) == 1
    assert "<script>" not in html
    titles = {link.get("{http://www.w3.org/1999/xlink}title") for link in page.iter(f"{SVG}a")}
    assert "<unk>" in titles


def test_without_graphviz_there_is_mermaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz.shutil, "which", lambda *args, **kwargs: None)
    assert [*encoder()._repr_mimebundle_()] == ["text/vnd.mermaid", "text/plain"]


def test_what_mermaid_cannot_draw_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Mermaid, view: View) -> str:
        raise ExportError("too much")

    monkeypatch.setattr(Mermaid, "export", refuse)
    assert [*mimebundle(encoder(), include={"text/vnd.mermaid", "text/plain"})] == ["text/plain"]


def test_the_last_line_of_a_cell_is_shown(shell: Any) -> None:
    graph = encoder(2)
    shown, _ = shell.display_formatter.format(fxviz.summary(graph))
    assert [*shown] == ["text/markdown", "text/plain"]
    shown, _ = shell.display_formatter.format(graph, include={"text/plain"})
    assert shown == {"text/plain": fxviz.render(graph, "text")}


def test_nothing_is_shown_but_what_is_asked_for(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook, rich would show whatever it writes."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    shown: list[object] = []
    monkeypatch.setattr("IPython.display.display", lambda *objects, **options: shown.extend(objects))
    str(fxviz.summary(encoder(2)))
    assert not shown


def test_a_summary_prints_what_the_command_prints(golden: Callable[[str, str], None]) -> None:
    summary = fxviz.summary(encoder())
    golden("summary/encoder.txt", str(summary) + "\n")
    golden("summary/encoder.md", summary.markdown)
    assert repr(summary) == "<Summary of encoder>"
    assert str(summary).endswith("\n".join(summary.lines))


def test_a_device_adds_a_column_and_a_line() -> None:
    text = str(fxviz.summary(encoder(), Roofline(find_device("h100"))))
    assert text.splitlines()[0].split()[-1] == "Time"
    assert "\nLeast time   " in text


def test_a_summary_of_a_view_has_the_rows_of_that() -> None:
    facts = Facts(encoder())
    table, _, report = str(fxviz.summary(facts, view=View.of(facts, depth=0, show=(Flops(),)))).partition("\nModel ")
    assert table.strip("\n") == str(fxviz.render(View.of(facts, depth=0, show=(Flops(),)), "text")).strip("\n")
    assert "Peak memory" in report


def test_names_of_graphs_and_views_are_short() -> None:
    graph = encoder(2)
    assert repr(graph) == f"<Graph encoder: {len(graph.nodes)} nodes>"
    assert repr(View.of(graph, depth=0)).startswith("<View of encoder: 3 things, ")


@pytest.mark.zoo  # a kernel of its own takes a while to start
@needs_graphviz
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_drawings(path: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    shutil.copy(path, tmp_path)
    notebook = nbformat.read(tmp_path / path.name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "a notebook is kept without its outputs"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert [len(of_cell) for of_cell in outputs] == [1] * len(outputs)  # what is shown, or what was printed; not both
    shown = [output.data for (output,) in outputs if "data" in output]
    assert len([data for data in shown if "<svg" in data.get("text/html", "")]) == 2
    assert len([data for data in shown if "text/markdown" in data]) == 1


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS
