"""What is drawn of a view, before any syntax."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from build import Builder, encoder

from fxviz.exporters.drawing.layout import Drawing, Group, Shape, draw
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.ir import Graph


def shapes(children: tuple[Shape | Group, ...]) -> Iterator[Shape]:
    for child in children:
        if isinstance(child, Shape):
            yield child
        else:
            yield from shapes(child.children)


def arrows(drawing: Drawing) -> list[tuple[str, str]]:
    return [(arrow.source.title, arrow.target.title) for arrow in drawing.arrows]


def masked(layers: int) -> Graph:
    """Layers that each read one mask twice."""
    build = Builder("masked")
    x, mask = build.input("x", 1, 8), build.input("mask", 1, 8)
    for i in range(layers):
        with build.module(f"layer{i}", "Layer"):
            x = build.op("mul", build.op("add", x, mask), mask)
    return build.graph(x)


def test_every_item_and_edge_of_a_view_is_drawn_once() -> None:
    view = View.of(encoder(3), fold=False)
    drawing = draw(view, fan_out=99, fan_in=99)
    groups = [item for item in view.walk() if getattr(item, "items", ())]
    # an input and an output beside the items
    assert len(list(shapes(drawing.children))) == len([*view.walk()]) - len(groups) + 2
    assert len(drawing.arrows) == len(view.edges)


def test_a_crowded_source_keeps_one_arrow_and_is_named_beside_its_other_readers() -> None:
    view = View.of(masked(6), fold=False)
    drawing = draw(view, fan_out=8, fan_in=32)
    leaving = [arrow for arrow in drawing.arrows if arrow.source.title == "mask"]
    # 12 reads of the mask: the first is an arrow from it; one reference serves each layer, the first layer's other read too
    assert [arrow.source.form for arrow in leaving].count("value") == 1
    references = [shape for shape in shapes(drawing.children) if shape.form == "reference"]
    assert [reference.title for reference in references] == ["mask"] * 6
    assert len(leaving) == 12


def test_a_source_that_is_not_crowded_keeps_its_arrows() -> None:
    drawing = draw(View.of(masked(4), fold=False), fan_out=8, fan_in=32)
    assert not [shape for shape in shapes(drawing.children) if shape.form == "reference"]


def test_the_sources_of_a_crowded_target_are_named_beside_it() -> None:
    build = Builder("stack")
    x = build.input("x", 1, 8)
    steps = [x]
    for _ in range(5):
        steps.append(build.op("relu", steps[-1]))
    drawing = draw(View.of(build.graph(build.op("stack", *steps[1:]))), fan_out=8, fan_in=4)
    into = [arrow.source for arrow in drawing.arrows if arrow.target.title == "stack"]
    assert [(source.form, source.title) for source in into] == [
        ("reference", "relu, relu, 2 more"),
        ("operation", "relu"),
    ]


def test_entries_of_a_cache_are_one_shape() -> None:
    build = Builder("cached")
    x = build.input("x", 1, 8)
    with build.module("model", "Model"):
        out, *cache = [build.op("relu", x) for _ in range(5)]
    names = ("logits", *(f"cache.{i}" for i in range(4)))
    drawing = draw(View.of(replace(build.graph(out, *cache), output_names=names), depth=0), fan_out=8, fan_in=32)
    assert arrows(drawing)[1:] == [("model: Model", "logits"), ("model: Model", "cache × 4")]
    assert drawing.arrows[-1].tooltip.count("float32 1×8") == 4


def test_two_outputs_stay_two_shapes() -> None:
    build = Builder("pair")
    x = build.input("x", 1, 8)
    with build.module("model", "Model"):
        pair = [build.op("relu", x), build.op("relu", x)]
    drawing = draw(View.of(replace(build.graph(*pair), output_names=("out.0", "out.1")), depth=0), fan_out=8, fan_in=32)
    assert [target for _, target in arrows(drawing)] == ["model: Model", "out.0", "out.1"]


def test_an_input_that_nothing_reads_is_drawn() -> None:
    build = Builder("unread")
    x, _ = build.input("x", 1, 8), build.input("unread", 1)
    drawing = draw(View.of(build.graph(build.op("relu", x))), fan_out=8, fan_in=32)
    assert "unread" in [shape.title for shape in drawing.children if isinstance(shape, Shape)]


def test_an_input_returned_as_it_is_is_two_shapes() -> None:
    build = Builder("identity")
    drawing = draw(View.of(build.graph(build.input("x", 1, 8))), fan_out=8, fan_in=32)
    assert [(arrow.source.kind, arrow.target.kind) for arrow in drawing.arrows] == [("input", "output")]


def test_an_arrow_bears_shapes_only_where_its_source_makes_several() -> None:
    build = Builder("branches")
    x = build.input("x", 1, 8)
    with build.node("max", x, outputs=2) as node:
        values = node.kernel("aten.max.dim", x, shape=(1,), returned=True)
        indices = node.kernel("aten.max.dim", x, shape=(1, 2), returned=True)
    drawing = draw(View.of(build.graph(build.op("relu", values), build.op("neg", indices))), fan_out=8, fan_in=32)
    labels = {(arrow.source.title, arrow.target.title): arrow.label for arrow in drawing.arrows}
    assert (labels["max", "relu"], labels["max", "neg"], labels["x", "max"]) == ("1", "1×2", "")


def test_long_words_are_cut() -> None:
    build = Builder("n" * 500)
    build.input("x", 1, 8)
    assert len(draw(View.of(build.graph()), fan_out=8, fan_in=32).title) == 120
