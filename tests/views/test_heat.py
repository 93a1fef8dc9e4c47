"""Colours by a number."""

from __future__ import annotations

import pytest
import sympy
from build import encoder
from shown import Elements

from fxviz.errors import InputError
from fxviz.view import View


def test_heat_is_what_all_copies_hold_relative_to_the_most() -> None:
    graph = encoder(12)
    view = View.of(graph, color=Elements())
    assert view.heat
    amounts = {view.title(item): view.heat.at(item) for item in view.walk()}
    assert amounts == {
        "embed: linear": 8 / 96,
        "layers.0–11: Block × 12": None,
        "mlp: Sequential": None,
        **dict.fromkeys(("0: linear", "1: gelu", "2: linear", "add"), 1.0),
        "head: linear": 2 / 96,
    }
    closed = View.of(graph, depth=0, color=Elements()).heat
    assert closed
    assert [closed.amounts.get(item) for item in closed.amounts] == [8, 12 * 4 * 8, 2]
    assert closed.most == "384 FLOPs"


def test_a_view_is_coloured_by_name_and_by_kinds_where_nobody_asks() -> None:
    view = View.of(encoder(2), color="parameters")
    assert view.color
    assert view.color.label == "parameters"
    assert View.of(encoder(2)).heat is None
    with pytest.raises(InputError, match="flosp"):
        View.of(encoder(2), color="flosp")


def test_what_is_not_a_number_has_no_heat() -> None:
    view = View.of(encoder(2, batch=sympy.Symbol("B", integer=True, positive=True)), color=Elements())
    assert view.heat
    assert (view.heat.amounts, view.heat.most) == ({}, "not known")
