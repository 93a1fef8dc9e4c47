"""A view is data: it follows from its spec, and from nothing else."""

from __future__ import annotations

import copyreg
import dataclasses
import inspect
import io
import pickle
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from build import Builder, encoder
from shown import Elements
from tree import edges, tree

from fxviz.analysis.facts import Facts
from fxviz.errors import InputError
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.passes.flops import Flops
from fxviz.views.spec import ViewSpec
from fxviz.views.view import View


def test_the_options_are_written_once() -> None:
    source, *options = inspect.signature(View.of).parameters.values()
    assert source.name == "source"
    assert [option.name for option in options] == [field.name for field in dataclasses.fields(ViewSpec)]
    assert {option.kind for option in options} == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="dpeth"):
        View.of(encoder(1), dpeth=1)  # type: ignore[call-arg]


OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"depth": 1, "fold": False},
    {"budget": 5, "hide": True, "group": True, "color": "flops"},
    {"focus": "layers.1", "weights": True, "ends": False, "show": (Elements(),)},
    {"interest": Flops(), "budget": 8, "color": "dtype"},
)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_view_keeps_its_spec_which_decides_it_again(options: dict[str, Any]) -> None:
    graph = encoder(4, extra={2: "relu"})
    view = View.of(graph, **options)
    assert view.spec == ViewSpec(**options)
    again = View.from_spec(Facts(graph), view.spec)
    assert (tree(again, lines=True), edges(again)) == (tree(view, lines=True), edges(view))
    assert Mermaid().export(again) == Mermaid().export(view)


@pytest.mark.parametrize("options", OPTIONS)
def test_another_budget_gives_the_view_of_that_budget(options: dict[str, Any]) -> None:
    view = View.of(encoder(4, extra={2: "relu"}), **options)
    less, expected = view.with_budget(4), View.of(view.graph, **(options | {"budget": 4}))
    assert less.spec == expected.spec
    assert Mermaid().export(less) == Mermaid().export(expected)
    assert view.spec == ViewSpec(**options)  # this one stays as it is


def test_a_view_that_was_put_together_by_hand_has_no_other_budget() -> None:
    view = View.of(encoder(2))
    with pytest.raises(InputError, match="put together by hand"):
        replace(view, spec=None).with_budget(4)
    with pytest.raises(InputError, match="budget is 0"):
        view.with_budget(0)


def test_analyses_are_named_where_one_is_asked_for() -> None:
    graph = encoder(3, extra={1: "relu"})
    named = View.of(graph, show=("flops", "parameters"), color="memory", interest="flops", budget=6)
    assert [metric.label for metric in named.metrics] == ["FLOPs", "parameters"]
    given = View.of(graph, show=(Flops(),), interest=Flops(), budget=6)
    assert tree(named) == tree(given)
    for options in ({"show": ("flosp",)}, {"interest": "flosp"}, {"color": "flosp"}):
        with pytest.raises(InputError, match=r"flosp.*did you mean flops"):
            View.of(graph, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"show is 'flops': give a tuple of analyses or their names, \('flops',\)"):
        View.of(graph, show="flops")  # type: ignore[arg-type]


def test_the_numbers_of_an_analysis_without_numbers_cannot_be_shown() -> None:
    with pytest.raises(InputError, match="it cannot be shown on a view"):
        View.of(encoder(1), show=("shapes",))


@pytest.mark.parametrize("options", OPTIONS)
def test_a_view_holds_data_alone(options: dict[str, Any]) -> None:
    """It can be pickled where read-only mappings can; a closure in it could not."""
    view = View.of(encoder(3), **options)
    read = pickle.loads(pickled(view))
    assert (tree(read, lines=True), edges(read)) == (tree(view, lines=True), edges(view))
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickled(replace(view, category=lambda: None))  # type: ignore[arg-type]


def read_only(mapping: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(mapping)


def pickled(thing: object) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dispatch_table = copyreg.dispatch_table | {  # type: ignore[assignment]
        MappingProxyType: lambda mapping: (read_only, (dict(mapping),))
    }
    pickler.dump(thing)
    return file.getvalue()


def test_what_has_none_of_the_interest_stays_closed_but_for_the_focus() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("plain", "Plain"):
        x = build.op("view", build.op("view", x, kernel="aten.view.default"), kernel="aten.view.default")
    with build.module("dense", "Dense"):
        x = build.op("relu", build.op("linear", x, build.parameter("weight", 4, 4)))
    graph = build.graph(x)
    dense = ["dense: Dense", "  linear", "  relu"]
    assert tree(View.of(graph, interest="flops")).splitlines() == ["[plain: Plain]", *dense]
    focused = tree(View.of(graph, interest="flops", focus="plain")).splitlines()
    assert focused == ["plain: Plain", "  view", "  view", "[dense: Dense]"]
