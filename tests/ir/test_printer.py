"""Graphs as text: readable, stable, one line for each operation whatever the names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
from build import Builder, encoder
from hypothesis import given, settings
from strategies import graphs

from fxviz.ir import Graph

if TYPE_CHECKING:
    from collections.abc import Callable

B, S = sympy.symbols("B S", integer=True, positive=True)


def model() -> Graph:
    """Everything that a line can show: scopes that repeat, buffers, views, several outputs, attributes, sources."""
    build = Builder("demo")
    x, mask = build.input("tokens", B, S, dtype="int64"), build.constant("mask", S, S, dtype="bool")
    with build.module("embed", "Embedding"):
        table = build.parameter("weight", 100, 8)
        x = build.op("embedding", x, table, shape=(B, S, 8), dtype="float32", names=("input", "weight"), line=10)
    with build.module("layers", "ModuleList"):
        for i in range(2):
            with build.module(str(i), "Block"):
                running = build.buffer("running_mean", 8)
                frozen = build.parameter("scale", 8, trainable=False)
                x = build.op("norm", x, running, frozen, names=("input", "mean", "scale"), eps=1e-5, line=20)
    with build.module("layers", "ModuleList"), build.module("0", "Block"):
        x = build.op("norm", x, build.buffer("running_mean", 8), names=("input", "mean"), line=20)
    with build.node("split", x, mask, outputs=2, sizes=(4, 4), dim=-1, pad={"mode": "zeros"}) as node:
        a = node.kernel("aten.split.default", x, mask, shape=(B, S, 4), returned=True)
        b = node.kernel("aten.split.default", x, mask, shape=(B, S, 4), returned=True)
    build.parameter("spare", 3)
    build.op("assert_", a, message="a > 0\nor so", table=tuple(range(100)))
    return build.graph(a, b, aliases={"head.weight": "embed.weight"}, guards=("S >= 2",), notes=("line one\nline two",))


def test_text(golden: Callable[[str, str], None]) -> None:
    golden("print/demo.txt", str(model()) + "\n")


def test_text_of_a_stack_of_layers(golden: Callable[[str, str], None]) -> None:
    golden("print/encoder.txt", str(encoder(2, batch=B)) + "\n")


@given(graphs(texts=True))
@settings(deadline=None, max_examples=30)
def test_any_graph_has_one_line_for_each_operation(graph: Graph) -> None:
    lines = str(graph).splitlines()
    assert lines == str(graph).split("\n")  # no name has broken a line, by whatever means lines are broken
    assert sum(" = " in line and "%" in line for line in lines) >= len([node for node in graph.nodes if node.outputs])
    assert lines[0].startswith("graph ")
    assert lines[-1].startswith("  return")
    assert str(graph) == "\n".join(lines)


def test_a_graph_of_nothing() -> None:
    assert str(Graph("empty", (), (), (), ())) == (
        "graph empty: 0 nodes, 0 kernels, 0 parameters and buffers, traced by record\n\n  return"
    )
