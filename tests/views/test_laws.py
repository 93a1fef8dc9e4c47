"""The laws that hold for the view of any graph."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from build import encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from shown import Elements, Ordinals
from strategies import graphs as strange_graphs
from tree import tree
from view_strategies import graphs, views
from work import lines_run

from fxviz.analysis.facts import Facts
from fxviz.ir import Graph, Node, Role, Scope, Value
from fxviz.views.heat import heat
from fxviz.views.view import Box, Item, View

if TYPE_CHECKING:
    from collections.abc import Callable


def scope_nodes(graph: Graph, scope: Scope) -> list[Node]:
    return [node for node in graph.nodes if node.scope[: len(scope)] == scope]


def locate(view: View, node: Node) -> tuple[Item | None, list[tuple[Box, int]]]:
    """Where a node is seen, None if nowhere, and in which copy of each folded box."""
    copies: list[tuple[Box, int]] = []
    box = view.root
    while True:
        if node in box.items:
            return node, copies
        for item in box.items:
            if isinstance(item, Box) and (
                places := [i for i, place in enumerate(view.places(item)) if is_in(node, place)]
            ):
                break
        else:
            return None, copies
        if item.copies:
            (place,) = places
            number, member = divmod(place, item.period)
            position = scope_nodes(view.graph, item.copies[place]).index(node)
            node = scope_nodes(view.graph, item.copies[member])[position]
            copies.append((item, number))
        if not item.open:
            return item, copies
        box = item


def nodes_in(view: View, place: Node | Scope) -> list[Node]:
    return [place] if isinstance(place, Node) else scope_nodes(view.graph, place)


def is_in(node: Node, place: Node | Scope) -> bool:
    return node is place if isinstance(place, Node) else node.scope[: len(place)] == place


def untouched(view: View, value: Value) -> Value:
    """The tensor itself, where operations that did nothing gave it another name and are hidden."""
    maker = view.graph.producers.get(value)
    while maker in view.layout_operators and not maker.kernels:
        (value,) = maker.inputs
        maker = view.graph.producers.get(value)
    return value


laws = settings(max_examples=60, deadline=None)


@laws
@given(views)
def test_law_every_flow_between_visible_things_has_its_edge_and_no_other_edge_is_there(view: View) -> None:
    graph = view.graph
    places = {node: locate(view, node) for node in graph.nodes}
    expected: dict[tuple[Item | Value, Item | Value], set[Value]] = {}

    def origin(value: Value) -> Value | None:
        """Who made what hidden operations hand on; None for weights, and for what is computed from nothing else."""
        if value.role is Role.INPUT:
            return value
        maker = graph.producers.get(value)
        if maker is None:
            return None
        if places[maker][0] is not None and untouched(view, value) is value:
            return value
        origins = {origin(given) for given in maker.inputs}
        assert len(origins) <= 1 or None in origins
        return origins.pop() if len(origins) == 1 else None

    for reader in graph.nodes:
        target, target_copies = places[reader]
        for value in filter(None, map(origin, reader.inputs)) if target else ():
            assert target
            if value.role is Role.INPUT:
                expected.setdefault((view.shown(value), target), set()).add(view.shown(value))
                continue
            source, source_copies = places[graph.producers[value]]
            handed_on = any(
                one is other and copy != other_copy
                for one, copy in source_copies
                for other, other_copy in target_copies
            )
            if source is not target and not handed_on:
                assert source
                expected.setdefault((source, target), set()).add(view.shown(value))
    ends: dict[Value, Value] = {}
    for value in graph.outputs:
        end = ends.setdefault(view.shown(value), value)
        if value.role not in (Role.INPUT, Role.RESULT):
            continue  # a constant or a weight that is returned as it is: nothing flows
        made = origin(value)
        assert made
        source = places[graph.producers[made]][0] if made.role is Role.RESULT else view.shown(made)
        assert source
        expected.setdefault((source, end), set()).add(view.shown(made))
    assert {(edge.source, edge.target): set(edge.values) for edge in view.edges} == expected
    assert len(view.edges) == len(expected)


@laws
@given(views)
def test_law_ends_are_visible_and_edges_run_forward(view: View) -> None:
    order = {item: i for i, item in enumerate(view.walk())}
    for edge in view.edges:
        assert edge.values
        if isinstance(edge.source, Value):
            assert edge.source in view.root.inputs
            assert edge.source in view.graph.inputs
        if isinstance(edge.target, Value):
            assert edge.target in view.root.outputs
            assert edge.target in view.graph.outputs
        ends = [end for end in (edge.source, edge.target) if not isinstance(end, Value)]
        assert all(isinstance(end, Node) or not end.open for end in ends)
        assert [order[end] for end in ends] == sorted({order[end] for end in ends})


@laws
@given(views)
def test_law_a_box_names_all_that_crosses_its_border(view: View) -> None:
    def around(end: Item | Value) -> list[Box]:
        boxes = [end] if isinstance(end, Box) else []
        while not isinstance(end, Value) and (end := view.parent(end)) is not view.root:
            boxes.append(end)
        return boxes

    for edge in view.edges:
        source, target = around(edge.source), around(edge.target)
        if not view.hidden:  # a value may leave a box in another shape
            assert all(set(edge.values) <= set(box.outputs) for box in source if box not in target)
            assert all(set(edge.values) <= set(box.inputs) for box in target if box not in source)
    for box in (item for item in view.walk() if isinstance(item, Box)):
        for copy in zip(*[iter(box.copies)] * box.period, strict=True):
            inside = [node for scope in copy for node in scope_nodes(view.graph, scope)]
            made = {value for node in inside for value in node.outputs}
            made -= {value for value in made if untouched(view, value) is not value}
            elsewhere = [node for node in view.graph.nodes if node not in inside]
            read = {untouched(view, value) for node in elsewhere for value in node.inputs}
            read |= {untouched(view, value) for value in view.graph.outputs}
            assert {view.shown(value) for value in made & read} <= set(box.outputs)
        first = [
            node for place in view.places(box)[: box.period if box.copies else None] for node in nodes_in(view, place)
        ]
        own = {value for node in first for value in node.outputs}
        assert set(box.outputs) <= own
        assert not set(box.inputs) & own
        assert not set(box.inputs) & set(view.representatives)


@laws
@given(views)
def test_law_folding_keeps_totals(view: View) -> None:
    equal_in_copies, different_everywhere = view.metrics

    def total(box: Box) -> object:
        """What a reader adds up: each visible number as often as the boxes around it say."""
        times = [1 if isinstance(item, Node) or not item.open else item.times for item in box.items]
        parts = [
            total(item) if isinstance(item, Box) and item.open else equal_in_copies.at(*view.places(item)) or 0
            for item in box.items
        ]
        return sum(n * part for n, part in zip(times, parts, strict=True))  # type: ignore[operator]

    hidden = [node for node in view.graph.nodes if locate(view, node)[0] is None]
    assert Counter(node.op for node in hidden) == view.hidden
    assert total(view.root) + sum(equal_in_copies.at(node) or 0 for node in hidden) == equal_in_copies.at(())  # type: ignore[operator]
    seen = [node for node in view.graph.nodes if node not in set(hidden)]
    if not hidden:
        top = [different_everywhere.at(*view.places(item)) for item in view.root.items]
        assert sum(top) == different_everywhere.at(())  # type: ignore[arg-type]
    assert seen or not view.graph.nodes


@laws
@given(views)
def test_law_every_copy_is_the_same_computation_as_the_one_shown(view: View) -> None:
    for item in view.walk():
        if isinstance(item, Box):
            for place, copy in enumerate(item.copies):
                first = scope_nodes(view.graph, item.copies[place % item.period])
                nodes = scope_nodes(view.graph, copy)
                assert [node.op for node in nodes] == [node.op for node in first]
                for node, shown in zip(nodes, first, strict=True):
                    assert [view.shown(value) for value in node.outputs] == [
                        view.shown(value) for value in shown.outputs
                    ]


@laws
@given(views)
def test_law_heat_is_all_that_is_seen(view: View) -> None:
    for metric in view.metrics:
        hidden = [node for node in view.graph.nodes if locate(view, node)[0] is None]
        amounts = heat(view, metric).amounts
        assert sum(amounts.values()) + sum(metric.at(node) or 0 for node in hidden) == (metric.at(()) or 0)  # type: ignore[misc]
        assert set(amounts) == {item for item in view.walk() if isinstance(item, Node) or not item.open}


@laws
@given(views)
def test_law_everything_can_be_written(view: View) -> None:
    for item in (*view.walk(), *view.root.inputs, *view.root.outputs):
        assert view.title(item)
        assert view.tooltip(item)
        assert len(view.lines(item)) <= 4
        assert isinstance(item, Value) or view.title(item).count(".") <= 2


@laws
@given(graphs, st.integers(2, 30), st.booleans(), st.booleans())
def test_law_a_budget_is_kept_and_one_that_holds_all_shows_all(
    graph: Graph, budget: int, hide: bool, group: bool
) -> None:
    view, whole = (View.of(graph, hide=hide, group=group, budget=limit) for limit in (budget, None))
    assert seen(view) <= budget
    assert between(view) <= max(budget, 3)  # in, out, and what is returned as it is
    if max(seen(whole), between(whole)) <= budget:
        assert tree(view) == tree(whole)


def seen(view: View) -> int:
    return sum(1 for _ in view.walk())


def between(view: View) -> int:
    """The edges as a picture has them, with inputs and outputs gathered."""
    return len({tuple("value" if isinstance(end, Value) else end for end in (e.source, e.target)) for e in view.edges})


DESCRIBE = """
from work import lines_run
from build import encoder
from tree import edges, tree
from fxviz.views.view import View
view = View.of(encoder(5, extra={2: "relu"}))
print(tree(view), edges(view), [view.tooltip(item) for item in view.walk()])
print([[value.name for value in (*item.inputs, *item.outputs)] for item in view.walk()])
"""


def test_a_view_does_not_depend_on_the_hash_seed() -> None:
    def described(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
        return subprocess.run(
            [sys.executable, "-c", DESCRIBE], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert described("1") == described("2")


@pytest.mark.parametrize("fold", [True, False])
def test_work_grows_with_the_nodes_and_no_faster(fold: bool) -> None:
    few, many = encoder(50), encoder(400)
    assert len(View.of(many, fold=fold).edges) == (8 if fold else 2_003)
    at_few, at_many = (lines_run(lambda graph=graph: View.of(graph, fold=fold)) for graph in (few, many))
    assert at_many < 12 * at_few  # eight times the layers; squared, it would be 64 times


def test_a_view_needs_no_torch() -> None:
    check: Callable[..., object] = subprocess.run
    check([sys.executable, "-c", "import sys, fxviz.views.view; sys.exit('torch' in sys.modules)"], check=True)


@pytest.mark.zoo
@pytest.mark.parametrize(
    "name",
    [
        "torchvision:resnet50",
        "torchvision:densenet121",
        "torchvision:googlenet",
        "timm:vit_tiny_patch16_224",
        "timm:convnext_atto",
        "timm:swin_tiny_patch4_window7_224",
        "transformers:gpt2",
        "transformers:t5",
        "transformers:whisper",
    ],
)
def test_the_laws_hold_for_real_models(name: str) -> None:
    from fxviz import models

    facts = Facts(models.trace(name))
    for options in ({"depth": 0}, {"depth": 2, "group": True}, {"budget": 12, "group": True, "hide": True}, {}):
        view = View.of(facts, show=(Elements(), Ordinals()), **options)  # type: ignore[arg-type]
        for law in (
            test_law_every_flow_between_visible_things_has_its_edge_and_no_other_edge_is_there,
            test_law_ends_are_visible_and_edges_run_forward,
            test_law_a_box_names_all_that_crosses_its_border,
            test_law_folding_keeps_totals,
            test_law_every_copy_is_the_same_computation_as_the_one_shown,
            test_law_everything_can_be_written,
        ):
            law.hypothesis.inner_test(view)


@laws
@given(strange_graphs(texts=True), st.none() | st.integers(0, 2), st.none() | st.integers(1, 8), st.booleans())
def test_laws_hold_for_graphs_with_strange_names_attributes_and_types(
    graph: Graph, depth: int | None, budget: int | None, fold: bool
) -> None:
    view = View.of(graph, depth=depth, budget=budget, fold=fold, group=True, show=(Elements(), Ordinals()))
    for law in (
        test_law_every_flow_between_visible_things_has_its_edge_and_no_other_edge_is_there,
        test_law_ends_are_visible_and_edges_run_forward,
        test_law_a_box_names_all_that_crosses_its_border,
        test_law_every_copy_is_the_same_computation_as_the_one_shown,
    ):
        law.hypothesis.inner_test(view)
    assert sum(metric.at(*view.places(item)) or 0 for metric in view.metrics[1:] for item in view.root.items) == (
        view.metrics[1].at(()) or 0
    )
