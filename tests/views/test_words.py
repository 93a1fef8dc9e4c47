"""Titles, lines, tooltips and kinds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import sympy
from build import Builder, encoder
from shown import Elements, Ordinals
from tree import tree

from fxviz.analysis.facts import Facts, Tally
from fxviz.errors import InputError
from fxviz.ir import Graph, Node, Role, Value
from fxviz.passes.operators import KINDS, kind_of
from fxviz.views.view import View


def test_titles_name_the_module_of_a_single_operation() -> None:
    build = Builder()
    x = build.input("x", 1, 3, 8, 8)
    with build.module("stem", "Stem"):
        with build.module("conv1", "Conv2d"):
            x = build.op("conv2d", x, build.parameter("weight", 4, 3, 3, 3), shape=(1, 4, 8, 8))
        with build.module("relu", "ReLU"):
            x = build.op("relu_", x)
        x = build.op("mean", x, shape=())
    view = View.of(build.graph(x))
    assert tree(view).splitlines() == ["stem: Stem", "  conv1: conv2d", "  relu_", "  mean"]
    assert [view.kind(item) for item in view.walk()] == ["scope", "matrix", "activation", "reduction"]
    assert [view.title(view.parent(item)) for item in view.walk()] == ["graph", *["stem: Stem"] * 3]


def test_lines_hold_shapes_and_numbers_but_no_zero_and_nothing_unknown() -> None:
    build = Builder()
    x = build.input("x", 1, 2000)
    with build.node("split", x, outputs=3) as node:
        parts = [node.kernel("aten.slice.Tensor", x, shape=(1, i), returned=True) for i in range(3)]
    empty = build.op("neg", parts[0])
    graph = build.graph(empty, *parts)
    unknown = Tally("bytes", {}, "B")

    @dataclass(frozen=True)
    class Nothing:
        def run(self, facts: Facts) -> Tally:
            return unknown

    view = View.of(graph, show=(Elements(), Nothing(), Elements(unit="")))
    assert view.lines(graph.node("split")) == ("1×0, 1×1, …",)
    assert view.lines(graph.node("neg")) == ("1×0",)
    assert view.lines(x) == ("1×2000",)
    view = View.of(encoder(2, width=100), depth=0, show=(Elements(), Elements(unit=""), Elements(unit="B")))
    assert view.lines(view.root.items[1]) == ("1×100", "800 FLOPs · 800 elements · 800 B")
    same_unit = View.of(encoder(2), depth=0, show=(Elements(), Elements(), Ordinals()))
    assert same_unit.lines(same_unit.root.items[0]) == ("1×8", "8 FLOPs elements · 8 FLOPs elements · 1 ordinals")


def test_a_graph_without_types_can_be_shown() -> None:
    x, y = Value("x", None, Role.INPUT), Value("y", None)
    graph = Graph("untyped", (x,), (), (Node("relu", (x,), (y,), ("input",), name="relu"),), (y,))
    view = View.of(graph)
    assert [view.lines(item) for item in (*view.walk(), x, y)] == [(), (), ()]
    assert "?" in view.tooltip(graph.nodes[0])


def test_symbolic_sizes_are_written_and_added_up() -> None:
    batch = sympy.Symbol("B", integer=True, positive=True)
    view = View.of(encoder(3, batch=batch), depth=0, show=(Elements(),))
    assert view.lines(view.root.items[1]) == ("B×8", "96·B FLOPs")


def test_tooltips_hold_the_rest() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(2):
        with build.module("blocks", "ModuleList"), build.module(str(i), "Block"):
            y = build.op("sum", x, line=7, dim=(0, 1), long="x" * 1000, shape=())
            x = build.op("add", x, y)
    view = View.of(build.graph(x), show=(Elements(),))
    box, node, _ = view.walk()
    lines = view.tooltip(node).splitlines()
    assert lines[:4] == ["sum: sum", "blocks.0: Block", "model.py:7 in forward", "dim=(0, 1)"]
    assert lines[5:] == [
        "reads input: x float32 1×4",
        "makes sum float32 scalar",
        "runs aten.sum.default",
        "elements: 1 FLOPs",
    ]
    assert max(map(len, lines)) < 150
    assert view.tooltip(box).splitlines() == [
        "blocks.0: Block",
        "to blocks.1: 2 equal ones, 2 operations each",
        "reads x float32 1×4",
        "makes add float32 1×4",
        "elements: 10 FLOPs",
        "elements: 5 FLOPs each",
    ]
    assert view.tooltip(x) == "output add_1: float32 1×4\noutput"


def test_what_gives_no_numbers_cannot_be_shown() -> None:
    @dataclass(frozen=True)
    class Words:
        def run(self, facts: Facts) -> str:
            return "words"

    with pytest.raises(InputError, match="Words"):
        View.of(encoder(1), show=(Words(),))


def test_kinds() -> None:
    assert {op: kind_of(op) for op in ("add_", "__getitem__", "my.op", "layer_norm", "_softmax")} == {
        "add_": "elementwise",
        "__getitem__": "shape",
        "my.op": "other",
        "layer_norm": "normalization",
        "_softmax": "activation",
    }
    assert kind_of("my.op", KINDS | {"my.op": "matrix"}) == "matrix"
