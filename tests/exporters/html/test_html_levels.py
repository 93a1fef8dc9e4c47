"""A view cut into levels: nothing is lost, nothing is drawn twice, and every arrow can be followed from end to end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from build import Builder, encoder
from hypothesis import given
from view_strategies import views

from fxviz.exporters.drawing.layout import Shape
from fxviz.exporters.html.levels import Level, cut
from fxviz.ir import Node, Value
from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from collections.abc import Iterator


def walk(level: Level) -> Iterator[Level]:
    yield level
    for inner in level.inner.values():
        yield from walk(inner)


def split(view: View, most: int = 5) -> list[Level]:
    return [*walk(cut(view, most, fan_out=99, fan_in=99))]


def arrows(level: Level) -> set[tuple[object, object]]:
    """The ends of the arrows of a level: items of the view, and values that come in or go out."""

    def ends(shape: Shape) -> list[object]:
        return [end if isinstance(end, Value) else level.originals[end] for end in shape.ends]

    return {(a, b) for arrow in level.drawing.arrows for a in ends(arrow.source) for b in ends(arrow.target)}


@given(views)
def test_every_item_of_a_view_is_on_one_level(view: View) -> None:
    levels = split(view)
    found = [
        item for level in levels for item in level.items if not (isinstance(item, Box) and item not in known(view))
    ]
    assert len(found) == len(set(found))
    assert set(found) == known(view)
    assert all(len(level.items) <= 5 for level in levels)


def known(view: View) -> set[Node | Box]:
    return {*view.walk()}


@given(views)
def test_every_edge_of_a_view_leads_over_levels_from_its_source_to_its_target(view: View) -> None:
    levels = split(view)
    home = {item: level for level in levels for item in level.items}
    outer = {below: (level, item) for level in levels for item, below in level.inner.items()}

    def outwards(end: Node | Box | Value) -> list[tuple[Level, object]]:
        """Where an end is drawn: itself, and on each level further out the box that holds it."""
        if isinstance(end, Value):
            return [(levels[0], end)]
        way: list[tuple[Level, object]] = [(home[end], end)]
        while (around := outer.get(way[-1][0])) is not None:
            way.append(around)
        return way

    for edge in view.edges:
        source, target = outwards(edge.source), outwards(edge.target)
        meeting = next(level for level, _ in source if level in dict(target))
        assert (dict(source)[meeting], dict(target)[meeting]) in arrows(meeting)
        for value in edge.values:
            for level, item in source[: [level for level, _ in source].index(meeting)]:
                assert (item, level.drawn_as[value]) in arrows(level)
            for level, item in target[: [level for level, _ in target].index(meeting)]:
                assert (level.drawn_as[value], item) in arrows(level)


def test_a_level_shows_every_box_closed_with_the_words_of_the_view() -> None:
    view = View.of(encoder(3), fold=False)
    (root, *_) = split(view)
    boxes = [shape for shape in root.drawing.children if isinstance(shape, Shape) and shape.form == "scope"]
    assert [shape.title for shape in boxes] == [view.title(item) for item in view.root.items if isinstance(item, Box)]
    assert {*root.inner} == {item for item in view.root.items if isinstance(item, Box)}


def test_what_comes_in_is_named_by_its_shape_so_that_all_copies_agree() -> None:
    _, level, *_ = split(View.of(encoder(3)))
    ends = [shape for shape in level.drawing.children if isinstance(shape, Shape) and shape.form == "value"]
    assert {shape.kind for shape in ends} == {"input", "output"}
    shapes = [shape.ends[0].type.shape for shape in ends if isinstance(shape.ends[0], Value) and shape.ends[0].type]
    assert [shape.title for shape in ends] == ["×".join(map(str, shape)) for shape in shapes]


def test_many_values_that_come_in_alike_are_drawn_as_one() -> None:
    build = Builder("stacked")
    x = build.input("x", 4)
    steps = [build.op("relu", x) for _ in range(5)]
    with build.module("join", "Join"):
        y = build.op("relu", build.op("stack", *steps))
    _, level = split(View.of(build.graph(y)), most=9)
    titles = [shape.title for shape in level.drawing.children if isinstance(shape, Shape) and shape.form == "value"]
    assert titles == ["4 × 5", "4"]
    assert len({level.drawn_as[value] for value in (step for step in steps)}) == 1


def test_what_is_too_much_to_be_drawn_together_is_drawn_in_parts() -> None:
    build = Builder("long")
    x = build.input("x", 1)
    for _ in range(30):
        x = build.op("relu", x)
    levels = split(View.of(build.graph(x)), most=4)
    assert [len(level.items) for level in levels].count(4) >= 1
    assert max(len(level.items) for level in levels) == 4
    titles = [shape.title for shape in levels[0].drawing.children if isinstance(shape, Shape) and shape.form == "scope"]
    assert titles == ["1–7 of 30", "8–15 of 30", "16–22 of 30", "23–30 of 30"]
    chain = [(arrow.source.title, arrow.target.title) for arrow in levels[0].drawing.arrows]
    assert chain == [("x", titles[0]), *itertools.pairwise(titles), (titles[-1], "output")]
