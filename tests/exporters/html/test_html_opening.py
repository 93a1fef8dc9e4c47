"""Which boxes a page opens, decided by the exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sympy
from build import Builder
from hypothesis import HealthCheck, given, settings
from view_strategies import views

from fxviz.exporters.html.exporter import Html
from fxviz.views.view import View

if TYPE_CHECKING:
    from fxviz.ir import Dim, Graph


def titles(data: dict[str, Any], opening: dict[str, Any]) -> list[str]:
    """The titles of what is open."""
    found = []
    for key in opening["open"]:
        scene = data["scenes"][data["root"]]
        for number in map(int, key.split("/")):
            shape = scene["shapes"][number]
            scene = data["scenes"][shape["scene"]]
        found.append(shape["title"])
    return found


def seen(data: dict[str, Any], opening: dict[str, Any]) -> int:
    """How many operations and boxes there are to be seen."""

    def in_scene(number: int, route: str) -> int:
        shapes = [*enumerate(data["scenes"][number]["shapes"])]
        keys = {at: f"{route}{at}" for at, shape in shapes if shape["form"] in ("operation", "scope")}
        below = [in_scene(shapes[at][1]["scene"], f"{key}/") for at, key in keys.items() if key in opening["open"]]
        return len(keys) + sum(below)

    return in_scene(data["root"], "")


def stages(width: Dim, small: int = 2) -> Graph:
    """A big module of four operations, one of two, and one whose operations do nothing that counts."""
    build = Builder("stages")
    x = build.input("x", width, 8)
    for name, ops in (("big", 4), ("small", small)):
        with build.module(name, name.title()):
            for _ in range(ops):
                x = build.op("linear", x, build.parameter(f"weight{build.step}", 8, 8), kernel="aten.mm.default")
    with build.module("odd", "Odd"):
        x = build.op("view", build.op("view", x, kernel="aten.view.default"), kernel="aten.view.default")
    return build.graph(x)


@pytest.mark.parametrize("width", [16, sympy.Symbol("B", integer=True, positive=True)])
def test_what_holds_most_is_open_first_at_any_size(width: Dim) -> None:
    data = Html().data(View.of(stages(width), show=("flops",)))
    assert [titles(data, opening) for opening in data["openings"]] == [[], ["big: Big"], ["big: Big", "small: Small"]]
    # Three boxes; four more operations make 7 and are within 8 things, two more make 9 and are within 12.
    assert [opening["first"] for opening in data["openings"]] == [False, True, True]
    assert [seen(data, opening) for opening in data["openings"]] == [3, 7, 9]


def test_without_numbers_the_operations_count() -> None:
    data = Html().data(View.of(stages(16, small=3)))
    assert titles(data, data["openings"][-1]) == ["big: Big", "small: Small", "odd: Odd"]


def test_what_is_wider_than_a_window_is_left_to_the_reader() -> None:
    build = Builder("wide")
    x = build.input("x", 1, 4)
    with build.module("fan", "Fan"):
        parts = [build.op("relu", x) for _ in range(40)]
        y = build.op("stack", *parts, shape=(40, 4))
    graph = build.graph(y, build.op("neg", y))
    data = Html(fan_out=99, fan_in=99).data(View.of(graph))
    assert [seen(data, opening) for opening in data["openings"]] == [2]
    assert data["openings"][0]["first"]


@given(views)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_openings_open_what_is_seen_and_keep_to_their_budgets(view: View) -> None:
    data = Html().data(view)
    least = seen(data, {"open": []})
    assert any(opening["first"] for opening in data["openings"])
    for opening in data["openings"]:
        keys = opening["open"]
        assert all(
            key.rpartition("/")[0] in ("", *keys[:at]) for at, key in enumerate(keys)
        )  # what is around it, before it
        assert seen(data, opening) <= max(least, 32 if opening["first"] else 1200)
    assert len({tuple(sorted(opening["open"])) for opening in data["openings"]}) == len(data["openings"])
