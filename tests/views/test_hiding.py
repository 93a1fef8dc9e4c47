"""Bookkeeping that a view leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from build import Builder
from shown import block, idle
from tree import edges, tree

from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from fxviz.ir import Value


def attention(build: Builder, x: Value) -> Value:
    """As authors write it: more views than work."""
    with build.module("attn", "Attention"):
        with build.module("qkv", "Linear"):
            h = build.op("linear", x, build.parameter("weight", 4, 4))
        with build.node("split", h, outputs=2) as node:
            q, k = (node.kernel("aten.split.Tensor", h, shape=(1, 2), view=True, returned=True) for _ in range(2))
        h = build.op("mul", q, build.op("transpose", k, view=True))
        positions = build.op("add", build.op("arange", shape=(2,)))
        h = build.op("add", build.op("view", h, view=True), positions)
        return build.op("reshape", build.op("float", h, kernel="aten._to_copy.default"), view=True, shape=(2, 1))


def test_layout_operators_are_hidden_and_its_edges_joined() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    graph = build.graph(build.op("relu", attention(build, x)))
    view = View.of(graph, hide=True)
    assert tree(view).splitlines() == ["attn: Attention", "  qkv: linear", "  mul", "  add", "relu"]
    assert edges(view) == ["x -> qkv: linear", "qkv: linear -> mul", "mul -> add", "add -> relu", "relu -> output"]
    assert view.hidden == dict.fromkeys(("split", "transpose", "arange", "add", "view", "float", "reshape"), 1)
    assert not View.of(graph).hidden
    closed = View.of(graph, hide=True, depth=0)
    assert not closed.hidden  # what is closed is not opened to leave things out
    assert closed.lines(closed.root.items[0]) == ("2×1",)


def test_a_module_with_one_operation_left_is_that_operation() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("norm", "LayerNorm2d"):
        x = build.op("layer_norm", build.op("permute", x, view=True))
        x = build.op("permute", x, view=True)
    with build.module("flatten", "Flatten"):
        x = build.op("flatten", x, view=True)
    view = View.of(build.graph(build.op("relu", x)), hide=True)
    assert tree(view).splitlines() == ["norm: layer_norm", "relu"]
    assert edges(view) == ["x -> norm: layer_norm", "norm: layer_norm -> relu", "relu -> output"]


def test_a_skip_does_not_start_at_an_idle_cast_in_a_closed_norm() -> None:
    build = Builder()
    x = build.op("exp", build.input("x", 1, 4))
    with build.module("norm", "RMSNorm"):
        x = idle(build, "to", x)
        h = build.op("mul", x, build.op("rsqrt", x))
    graph = build.graph(build.op("add", x, h))
    view = View.of(graph, depth=0, hide=True)
    joined = ["x -> exp", "exp -> norm: RMSNorm", "exp -> add", "norm: RMSNorm -> add", "add -> output"]
    assert edges(view) == joined
    (norm,) = (item for item in view.walk() if isinstance(item, Box))
    assert norm.outputs == (h,)
    assert edges(View.of(graph, depth=0)) == [edge for edge in joined if edge != "exp -> add"]


def test_hidden_operations_do_not_part_a_run() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(3):
        x = block(build, f"layers.{i}", build.op("view", x, view=True))
    graph = build.graph(x)
    assert tree(View.of(graph, depth=0)).count("Block") == 3
    view = View.of(graph, depth=0, hide=True)
    assert tree(view) == "[layers.0–2: Block × 3]"
    assert edges(view) == ["x -> layers.0–2: Block × 3", "layers.0–2: Block × 3 -> output"]
    assert view.hidden == {"view": 3}


def test_what_would_leave_nothing_to_see_or_an_output_without_a_maker_is_not_hidden() -> None:
    build = Builder()
    x = build.op("view", build.input("x", 1, 4), view=True)
    assert tree(View.of(build.graph(x), hide=True)) == "view"
    build = Builder()
    y = build.op("relu", build.input("x", 1, 4))
    positions = build.op("view", build.op("arange", shape=(4,)), view=True)
    view = View.of(build.graph(y, positions), hide=True)
    assert tree(view).splitlines() == ["relu", "view"]
    assert edges(view) == ["x -> relu", "relu -> output.0", "view -> output.1"]


def test_a_constant_that_is_returned_of_one_copy_is_seen_in_all() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    made = []
    for i in range(3):
        with build.module(f"layers.{i}", "Layer"):
            x = build.op("relu", x)
            made.append(build.op("full", shape=(1, 4)))
    view = View.of(build.graph(x, made[-1]), hide=True)
    assert tree(view).splitlines() == ["layers.0–2: Layer × 3", "  relu", "  full"]
    assert edges(view)[-1] == "full -> output.1"


def test_what_computes_or_holds_parameters_or_is_a_module_of_its_own_is_not_hidden() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    token = build.op("expand", build.parameter("token", 1, 4), view=True)
    with build.module("positions", "Positions"):
        positions = build.op("sin", build.op("arange", shape=(1, 4)))
    noise = build.op("rand", shape=(1, 4))
    dropped = build.op("dropout", x, kernel="aten.native_dropout.default")
    x = build.op(
        "add", build.op("roll", dropped), build.op("to", x, kernel="mylib.to.default"), token, positions, noise
    )
    view = View.of(build.graph(x), hide=True)
    assert tree(view).split() == [
        "expand",
        "positions:",
        "Positions",
        "arange",
        "sin",
        "rand",
        "dropout",
        "roll",
        "to",
        "add",
    ]
    assert not view.hidden
