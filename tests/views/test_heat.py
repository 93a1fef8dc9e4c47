"""Colours by a number, and by a category."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from build import Builder, encoder
from shown import Elements

from fxviz.errors import InputError
from fxviz.ir import Phase
from fxviz.views.categories import categories_of
from fxviz.views.heat import heat_of
from fxviz.views.view import View


def test_heat_is_what_all_copies_hold_relative_to_the_most() -> None:
    graph = encoder(12)
    view = View.of(graph, color=Elements())
    heat = heat_of(view)
    assert heat
    amounts = {view.title(item): heat.at(item) for item in view.walk()}
    assert amounts == {
        "embed: linear": 8 / 96,
        "layers.0–11: Block × 12": None,
        "mlp: Sequential": None,
        **dict.fromkeys(("0: linear", "1: gelu", "2: linear", "add"), 1.0),
        "head: linear": 2 / 96,
    }
    closed = heat_of(View.of(graph, depth=0, color=Elements()))
    assert closed
    assert [closed.amounts.get(item) for item in closed.amounts] == [8, 12 * 4 * 8, 2]
    assert closed.most == "384 FLOPs"


def test_a_view_is_coloured_by_name_and_by_kinds_where_nobody_asks() -> None:
    view = View.of(encoder(2), color="parameters")
    assert view.color
    assert view.color.label == "parameters"
    assert heat_of(View.of(encoder(2))) is None
    with pytest.raises(InputError, match="flosp"):
        View.of(encoder(2), color="flosp")


def test_what_is_not_a_number_has_no_heat() -> None:
    view = View.of(encoder(2, batch=sympy.Symbol("B", integer=True, positive=True)), color=Elements())
    heat = heat_of(view)
    assert heat
    assert (heat.amounts, heat.most) == ({}, "not known")


def test_a_time_is_a_number_though_it_is_a_fraction() -> None:
    heat = heat_of(View.of(encoder(3), color="roofline"))
    assert heat
    assert heat.most.endswith("s")
    assert max(filter(None, map(heat.at, heat.amounts))) == 1.0


def test_dtypes_are_those_of_what_is_made() -> None:
    build = Builder()
    x = build.input("x", 2, 4)
    with build.module("net", "Net"):
        half = build.op("to", x, dtype="float16")
        with build.module("head", "Head"):
            with build.node("topk", half, outputs=2) as node:
                best = node.kernel("aten.topk.default", half, returned=True)
                node.kernel("aten.topk.default", half, dtype="int64", returned=True)
            which = build.op("argmax", best, dtype="int64")
            back = build.op("to", best, dtype="float32")
    view = View.of(build.graph(which, back, half), color="dtype")
    assert heat_of(view) is None
    categories = categories_of(view)
    assert categories
    assert categories.names == ("float16", "float32", "int64")
    assert {view.title(item): categories.at(item) for item in view.walk()} == {
        "net: Net": None,
        "to": "float32",  # the second of that name
        "head: Head": None,
        "topk": "float16",  # its indices do not count
        "argmax": "int64",
    }
    closed = categories_of(View.of(view.graph, color="dtype", depth=0))
    assert closed
    assert closed.names == ("several",)


def test_phases_are_in_the_order_in_which_they_run() -> None:
    build = Builder()
    x = build.input("x", 2, 4)
    graph = build.graph(build.op("neg", build.op("relu", x)))
    first, second = graph.nodes
    step = replace(graph, nodes=(first, replace(second, phase=Phase.BACKWARD)))
    categories = categories_of(View.of(step, color="phase"))
    assert categories
    assert (categories.label, categories.names) == ("phase", ("forward", "backward"))
    with pytest.raises(InputError, match="nothing to colour by is called 'phse'; did you mean phase"):
        View.of(step, color="phse")
