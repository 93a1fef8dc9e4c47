"""Shapes: what was seen, and what is free."""

from __future__ import annotations

from dataclasses import replace

import sympy
from build import Builder, encoder

from fxviz.analysis.facts import Facts
from fxviz.ir import Graph, Role, TensorType, Value
from fxviz.passes.shapes import Shapes

B, S = sympy.symbols("B S", integer=True, positive=True)


def test_types() -> None:
    build = Builder()
    x, mask = build.input("x", B, S, 8), build.input("mask", S, S, dtype="bool")
    with build.node("split", x, mask, outputs=2) as node:
        a = node.kernel("aten.split.default", x, shape=(B, 4), returned=True)
        b = node.kernel("aten.split.default", x, shape=(B, 2 * S), returned=True)
    graph = build.graph(a, b)
    shapes = Facts(graph)[Shapes()]
    assert shapes.at(graph.nodes[0]) == (TensorType((B, 4), "float32"), TensorType((B, 2 * S), "float32"))
    assert shapes.of(mask) == TensorType((S, S), "bool")
    assert shapes.inputs == {"x": x.type, "mask": mask.type}
    assert shapes.outputs == {"output.0": a.type, "output.1": b.type}
    assert shapes.free == {B: (("x", 0),), S: (("x", 1), ("mask", 0), ("mask", 1))}
    assert list(shapes.free) == [B, S]
    assert shapes.unknown == ()


def test_a_static_graph_has_nothing_free() -> None:
    assert Facts(encoder(2))[Shapes()].free == {}


def test_structure_only() -> None:
    x, y = Value("x", None, Role.INPUT), Value("relu", None)
    graph = encoder(1)
    node = replace(graph.nodes[0], inputs=(x,), input_names=("input",), outputs=(y,), kernels=())
    shapes = Facts(Graph("bare", (x,), graph.parameters, (node,), (y,)))[Shapes()]
    assert shapes.unknown == (x, y)
    assert shapes.inputs == {"x": None}
    assert shapes.outputs == {"0": None}
    assert shapes.at(node) == (None,)
