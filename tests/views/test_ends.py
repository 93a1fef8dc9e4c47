"""Inputs, outputs and weights: shown or not."""

from __future__ import annotations

from build import Builder, encoder
from tree import edges, tree

from fxviz.exporters.drawing.dot import Dot
from fxviz.exporters.drawing.layout import draw
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.views.view import View


def test_without_ends_there_is_nothing_around_the_model() -> None:
    view = View.of(encoder(2), depth=0, ends=False)
    assert edges(view) == ["embed: linear -> layers.0–1: Block × 2", "layers.0–1: Block × 2 -> head: linear"]
    assert (view.root.inputs, view.root.outputs) == ((), ())
    assert tree(view) == tree(View.of(encoder(2), depth=0))
    assert "input" not in Mermaid().export(view)
    assert "0f766e" not in Dot().export(view)


def test_without_ends_their_arrows_cost_no_budget() -> None:
    graph = encoder(1, extra={})
    whole = View.of(graph, ends=False)
    least = max(sum(1 for _ in whole.walk()), len(whole.edges))
    assert tree(View.of(graph, ends=False, budget=least)) == tree(whole)


def test_weights_are_drawn_beside_what_reads_them_and_shared_ones_once() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    table = build.parameter("table", 4, 4)
    with build.module("layers", "ModuleList"):
        for i in range(3):
            with build.module(str(i), "Layer"):
                x = build.op("linear", x, build.parameter("weight", 4, 4), build.buffer("scale", 4))
                x = build.op("matmul", x, table)
    view = View.of(build.graph(build.op("matmul", x, table)), weights=True)
    assert [(view.title(edge.source), view.title(edge.target)) for edge in view.weights] == [
        ("weight", "linear"),
        ("scale", "linear"),
        ("table", "matmul"),
        ("table", "matmul"),
    ]
    drawing = draw(view, 8, 8)
    _, group, *_ = drawing.children
    assert [child.title for child in group.children] == ["weight", "scale", "table", "linear", "matmul"]  # type: ignore[union-attr]
    weights = [child for child in group.children if getattr(child, "form", "") == "weight"]  # type: ignore[union-attr]
    assert {(shape.kind, shape.lines) for shape in weights} == {("weight", ("4×4",)), ("weight", ("4",))}
    assert sum(arrow.source in weights for arrow in drawing.arrows) == 4
    assert "weight layers.0.weight" in weights[0].tooltip
    assert '[("weight<br/>4×4")]:::weight' in Mermaid().export(view)


def test_closed_boxes_keep_their_weights_to_themselves() -> None:
    view = View.of(encoder(4), weights=True, depth=0)
    assert [view.title(edge.target) for edge in view.weights] == ["embed: linear", "head: linear"]
    assert not View.of(encoder(4)).weights
