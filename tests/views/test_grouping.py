"""Operations of helper functions that share a box."""

from __future__ import annotations

import pytest
from build import Builder
from shown import Elements
from tree import edges, tree

from fxviz.ir import Graph, Node, Source
from fxviz.views.helper_calls import group_calls
from fxviz.views.view import Box, View


def node(op: str, function: str, file: str = "model.py") -> Node:
    return Node(op, (), (), source=Source(file, 1, function))


def grouped(*items: Node | str, kind: str = "Net") -> list[str]:
    return [
        item if isinstance(item, str) else item.op if isinstance(item, Node) else f"{item.name} {len(item.nodes)}"
        for item in group_calls(items, kind)
    ]


OWN = node("own", "Net.forward")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ((OWN, node("a", "rope"), node("b", "rope"), OWN), "own|rope() 2|own"),
        (
            (OWN, node("a", "rope"), node("b", "half"), node("c", "rope"), "module"),
            "own|rope() 3|module",
        ),  # half is in it
        ((OWN, node("a", "rope"), "module", node("b", "rope")), "own|a|module|b"),  # not in a row
        ((OWN, node("a", "rope"), node("b", "half")), "own|a|b"),
        ((OWN, node("a", "Cache.update"), node("b", "Cache.update")), "own|Cache.update() 2"),
        ((OWN, node("a", "Net.helper"), node("b", "Net.helper")), "own|a|b"),  # its own method
        ((OWN, node("a", "Base.forward"), node("b", "Base.forward")), "own|a|b"),  # inherited, or another module's
        ((OWN, node("a", "f.<locals>.mask", "masks.py"), node("b", "g.<locals>.<lambda>", "masks.py")), "own|masks 2"),
        ((OWN, node("a", "f.<locals>.<lambda>"), node("b", "f.<locals>.<lambda>")), "own|f() 2"),
        ((OWN, node("linear", "f", "ops.py"), node("b", "g", "ops.py")), "own|linear|b"),  # work keeps its own names
        ((node("a", "run"), node("b", "run"), "module"), "a|b|module"),  # all that forward does is call it
        ((node("a", "run"), node("b", "run")), "a|b"),
    ],
)
def test_what_one_function_did_in_a_row_is_together(items: tuple[Node | str, ...], expected: str) -> None:
    assert "|".join(grouped(*items)) == expected


def test_an_operation_without_a_source_is_its_modules_own() -> None:
    assert grouped(Node("a", (), ()), Node("b", (), ()), OWN) == ["a", "b", "own"]


def attention(layers: int) -> Graph:
    build = Builder()
    x = build.input("x", 2, 4)
    with build.module("layers", "ModuleList"):
        for i in range(layers):
            with build.module(str(i), "Layer"):
                q = build.op("linear", x, build.parameter("weight", 4, 4), line=1)
                turned = build.op("neg", build.op("mul", q, line=7, function="rotate"), line=8, function="rotate")
                turned = build.op("view", turned, line=9, function="rotate", view=True)
                x = build.op("add", x, turned, line=2)
    return build.graph(x)


def test_a_group_is_a_box_with_the_numbers_of_its_operations() -> None:
    view = View.of(attention(3), group=True, show=(Elements(),))
    assert tree(view, lines=True).splitlines() == [
        "layers.0–2: Layer × 3    2×4 | 120 FLOPs",
        "  linear    2×4 | 8 FLOPs",
        "  rotate()    2×4 | 24 FLOPs",
        "    mul    2×4 | 8 FLOPs",
        "    neg    2×4 | 8 FLOPs",
        "    view    2×4 | 8 FLOPs",
        "  add    2×4 | 8 FLOPs",
    ]
    (layer,) = view.root.items
    assert isinstance(layer, Box)
    group = layer.items[1]
    assert isinstance(group, Box)
    assert (group.label, group.copies, len(group.parts), group.times) == ("rotate()", (), 3, 1)
    assert view.tooltip(group).splitlines()[:3] == [
        "rotate(): 3 of the parts of layers.0",
        "model.py:7 in rotate",
        "model.py:8 in rotate",
    ]


def test_a_closed_group_is_one_end_of_edges_and_a_level_of_depth() -> None:
    view = View.of(attention(1), group=True, hide=True, depth=1)
    assert tree(view).splitlines() == ["layers.0: Layer", "  linear", "  [rotate()]", "  add"]
    assert edges(view) == [
        "x -> linear",
        "linear -> rotate()",
        "x -> add",
        "rotate() -> add",
        "add -> output",
    ]
    assert view.kind(view.root.items[0].items[1]) == "scope"  # type: ignore[union-attr]


def test_without_being_asked_for_there_are_no_groups() -> None:
    assert "rotate" not in tree(View.of(attention(2)))
