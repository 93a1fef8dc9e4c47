"""HTML: what the page is given of a model, and what becomes of it where it cannot be made."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sympy
from build import Builder, encoder
from hostile import WORDS, renamed

import fxviz
from fxviz.analysis.facts import Facts
from fxviz.errors import MissingDependency
from fxviz.exporters.html.exporter import Html
from fxviz.exporters.html.layout import Layout, Place, shapes_of
from fxviz.ir import Phase
from fxviz.output import default_view
from fxviz.passes.flops import Flops
from fxviz.passes.memory import Memory
from fxviz.passes.parameters import Parameters
from fxviz.text.quantity import format_expression
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.exporters.drawing.layout import Drawing
    from fxviz.ir import Graph

SHOW = (Parameters(), Flops(), Memory())


def data_of(graph: Graph, **options: Any) -> dict[str, Any]:
    return Html().data(View.of(graph, show=SHOW, **options))


def items(data: dict[str, Any], scene: int | None = None) -> Iterator[dict[str, Any]]:
    """Every operation and module of a page, parents first."""
    for shape in data["scenes"][data["root"] if scene is None else scene]["shapes"]:
        if shape["form"] in ("operation", "scope"):
            yield shape
            if "scene" in shape:
                yield from items(data, shape["scene"])


def written(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="fxviz-model">(.*?)</script>', page, re.DOTALL)
    data: dict[str, Any] = json.loads(text)
    return data


def test_a_page_has_the_data_and_its_title_is_the_model() -> None:
    view = View.of(encoder(), show=SHOW)
    page = Html().export(view)
    assert written(page) == json.loads(json.dumps(Html().data(view)))
    assert "<title>encoder</title>" in page


def test_the_same_graph_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = "import sys; sys.path.insert(0, 'tests/support'); from build import encoder; import fxviz; print(fxviz.render(encoder(3), 'html'))"
    root = Path(__file__).parents[3]
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pages) == 1
    assert len(pages.pop()) > 10_000


def test_the_numbers_are_those_of_the_facts() -> None:
    graph = encoder(4)
    facts = Facts(graph)
    data = data_of(graph)
    assert [metric["total"] for metric in data["metrics"]] == [facts[analysis].at(()) for analysis in SHOW]
    layers = next(item for item in items(data) if item.get("times") == 4)
    first = next(scope for scope in graph.scopes if scope and scope[-1].path == "layers.0")
    folded = [scope for scope in graph.scopes if scope and re.fullmatch(r"layers\.\d", scope[-1].path)]
    assert layers["amounts"] == [facts[analysis].at(first) for analysis in SHOW]
    assert layers["together"] == [facts[analysis].at(*folded) for analysis in SHOW]
    assert layers["copies"] == ["layers.0", "layers.1", "layers.2", "layers.3"]


def test_an_operation_tells_all_that_is_known_of_it() -> None:
    head = [*items(data_of(encoder(2)))][-1]
    assert head["op"] == "linear"
    assert head["path"] == "head"
    assert head["reads"] == [["input", "float32 1×8"], ["weight", "float32 2×8"]]
    assert head["makes"] == ["float32 1×2"]
    assert len(head["kernels"]) == 1
    assert head["lines"][0] == "1×2"


def test_symbolic_amounts_are_formulas() -> None:
    graph = encoder(2, batch=sympy.Symbol("B", integer=True, positive=True))
    data = data_of(graph)
    assert data["symbols"] == ["B"]
    total = Facts(graph)[Flops()].total
    assert isinstance(total, sympy.Expr)
    assert data["metrics"][1]["total"]["formula"] == format_expression(total)
    assert data["metrics"][0]["total"] == Facts(graph)[Parameters()].total


def test_numbers_that_javascript_would_round_are_digits() -> None:
    build = Builder("vast")
    x = build.input("x", 2**40, 2**20)
    data = data_of(build.graph(build.op("relu", x)))
    assert data["metrics"][1]["total"] == str(2**60)


def test_boxes_that_are_the_same_computation_share_a_scene() -> None:
    few, many = data_of(encoder(3)), data_of(encoder(60))
    assert len(many["scenes"]) == len(few["scenes"]) == 3
    apart = data_of(encoder(12, extra={5: "relu"}))  # two runs of equal layers around one that differs
    assert len([item for item in items(apart) if "scene" in item]) == 7  # the list, three runs, the mlp in each
    assert len(apart["scenes"]) == 5  # the model, the list, a layer, the one that differs, the mlp of all
    unfolded = data_of(encoder(12), fold=False, depth=2)
    assert len([item for item in items(unfolded) if item.get("module") == "Block"]) == 12
    assert len({item["scene"] for item in items(unfolded) if item.get("module") == "Block"}) <= 2


def test_the_timeline_has_the_peak_and_leads_to_the_operations() -> None:
    graph = encoder(5)
    memory = Facts(graph)[Memory()]
    timeline = data_of(graph)["timeline"]
    sums = [sum(column) for column in zip(*(c["amounts"] for c in timeline["categories"]), strict=True)]
    assert max(sums) == memory.peak
    assert timeline["steps"] == [*range(len(graph.kernels))]
    assert timeline["steps"][sums.index(max(sums))] == memory.peak_step
    data = data_of(graph)
    for step, moment in zip(timeline["steps"], timeline["moments"], strict=True):
        node = next(node for place, (node, _) in enumerate(graph.walk()) if place == step)
        shape, scene = None, data["root"]
        for number in moment["route"]:
            shape = data["scenes"][scene]["shapes"][number]
            scene = shape.get("scene")
        assert shape is not None
        assert shape["op"] == node.op


def test_a_long_run_keeps_its_peaks_on_a_short_timeline() -> None:
    build = Builder("long")
    x = build.input("x", 1)
    for number in range(3000):
        x = build.op("relu", x, shape=(1 + 1000 * (number == 1234),))
    graph = build.graph(x)
    timeline = data_of(graph, fold=False)["timeline"]
    assert len(timeline["steps"]) == 1200
    sums = [sum(column) for column in zip(*(c["amounts"] for c in timeline["categories"]), strict=True)]
    assert max(sums) == Facts(graph)[Memory()].peak
    assert timeline["last"] == 2999


def test_no_metrics_no_timeline() -> None:
    data = Html().data(View.of(encoder(2)))
    assert data["timeline"] is None
    assert data["metrics"] == []


def test_what_was_not_counted_and_the_conditions_are_told() -> None:
    build = Builder("odd")
    x = build.input("x", 4)
    graph = replace(build.graph(build.op("mystery", x)), guards=("B > 1",), notes=("made up",), complete=False)
    data = data_of(graph)
    assert data["metrics"][1]["unknown"] == dict(Facts(graph)[Flops()].unknown) != {}
    told = dict(data["about"])
    assert told["Only if"] == "B > 1"
    assert told["Note"] == "made up"
    assert "Incomplete" in told


def test_every_word_of_a_model_stays_a_word() -> None:
    page = Html().export(renamed([*WORDS]))
    data = written(page)
    titles = {item["title"] for item in items(data)}
    assert "<unk>" in titles
    assert any("<script>alert(1)</script>" in title for title in titles)
    assert page.count("<script") == 2  # the data and our own


def test_an_empty_model_and_one_that_hands_on_its_input() -> None:
    build = Builder("empty")
    assert not [*items(data_of(build.graph()))]
    build = Builder("identity")
    data = data_of(build.graph(build.input("x", 1)))
    assert [shape["kind"] for shape in data["scenes"][data["root"]]["shapes"]] == ["input", "output"]


def test_a_training_step_says_its_phases() -> None:
    build = Builder("step")
    x = build.input("x", 4)
    y = build.op("relu", x)
    graph = build.graph(y)
    nodes = tuple(replace(node, phase=Phase.BACKWARD) for node in graph.nodes)
    assert [item["phase"] for item in items(data_of(replace(graph, nodes=nodes)))] == ["backward"]


def test_by_default_everything_is_there_but_layout_operators() -> None:
    build = Builder("views")
    x = build.input("x", 4, 4)
    for _ in range(50):
        x = build.op("relu", build.op("transpose", x))
    view = default_view(build.graph(x), "html")
    assert view.hidden == {"transpose": 50}
    assert sum(1 for _ in view.walk()) == 50  # more than a picture would have


def test_no_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingDependency, match="pip install graphviz-pure"):
        fxviz.export(encoder(2), tmp_path / "model.html")
    assert [*tmp_path.iterdir()] == []


class Column:
    """A layout engine that needs nothing: all shapes in a column, arrows from centre to centre."""

    def lay_out(self, drawings: Sequence[Drawing]) -> list[Layout]:
        return [self._lay_out(drawing) for drawing in drawings]

    def _lay_out(self, drawing: Drawing) -> Layout:
        shapes = [*shapes_of(drawing)]
        places = {shape.id: Place(50, 15 + 40 * number, 90, 30) for number, shape in enumerate(shapes)}
        arrows = [(places[arrow.source.id], places[arrow.target.id]) for arrow in drawing.arrows]
        points = tuple(tuple((place.x, place.y) for place in (a, a, b, b, b)) for a, b in arrows)
        return Layout(100, 40 * len(shapes), tuple(places.values()), points, (None,) * len(arrows))


def test_another_layout_engine_needs_no_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    data = Html(layout=Column()).data(View.of(encoder(2)))
    for scene in data["scenes"]:
        boxes = [shape["box"] for shape in scene["shapes"]]
        assert boxes == [[50, 15 + 40 * number, 90, 30] for number in range(len(boxes))]
        for arrow in scene["arrows"]:
            assert arrow["points"][:2] == boxes[arrow["from"]][:2]
            assert arrow["points"][-2:] == boxes[arrow["to"]][:2]
    fxviz.export(encoder(2), tmp_path / "model.html", layout=Column())
    assert (tmp_path / "model.html").stat().st_size > 0
