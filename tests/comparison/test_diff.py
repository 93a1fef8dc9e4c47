"""What `fxviz.diff` finds: on hand-made graphs, and as laws on random ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from build import Builder, encoder
from hypothesis import Phase, given, settings
from strategies import graphs
from work import lines_run

import fxviz
from fxviz import Facts, Flops, InputError, Node, Parameters
from fxviz.analysis.facts import add
from fxviz.comparison import NodePair, Status
from fxviz.comparison.alignment import align, common_subsequence
from fxviz.comparison.costs import format_change
from fxviz.comparison.outline import outline
from fxviz.comparison.union import Union

if TYPE_CHECKING:
    from fxviz.ir import Dim, Graph

# Graphs are large to shrink.
LAW = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])


# Laws -----------------------------------------------------------------------------------------------------------------


def statuses(found: fxviz.GraphDiff) -> dict[str, int]:
    return {status.name.lower(): count for status, count in found.counts.items() if count}


@LAW
@given(graphs(texts=True))
def test_a_graph_does_not_differ_from_itself(graph: Graph) -> None:
    found = fxviz.diff(graph, graph)
    assert found.equal
    assert {pair.status for pair in found.nodes} <= {Status.KEPT}
    assert outline(found.root) == ()
    assert "no difference" in str(found)


@LAW
@given(graphs(texts=True))
def test_nor_from_what_was_saved_of_it(graph: Graph) -> None:
    from fxviz.ir.serialize import dumps, loads

    assert fxviz.diff(graph, loads(dumps(graph))).equal


@LAW
@given(graphs(), graphs())
def test_every_operation_of_both_has_one_place(before: Graph, after: Graph) -> None:
    found = fxviz.diff(before, after)
    assert Counter(pair.before for pair in found.nodes if pair.before) == Counter(before.nodes)
    assert [pair.after for pair in found.nodes if pair.after] == list(after.nodes)
    assert sum(found.counts.values()) == len(found.nodes)
    counts = found.counts
    there_before = counts[Status.REMOVED] + counts[Status.CHANGED] + counts[Status.MOVED] + counts[Status.KEPT]
    assert there_before == len(before.nodes)


@LAW
@given(graphs(texts=True), graphs(texts=True))
def test_the_other_way_round_is_the_mirror(before: Graph, after: Graph) -> None:
    def pairs(found: fxviz.GraphDiff) -> set[tuple[Node | None, Node | None, Status]]:
        return {(pair.before, pair.after, pair.status) for pair in found.nodes}

    there, back = fxviz.diff(before, after), fxviz.diff(after, before)
    assert pairs(there.mirrored()) == pairs(back)
    assert there.equal == back.equal
    values = {(pair.role, pair.before, pair.after, pair.status) for pair in back.values}
    assert {(pair.role, pair.before, pair.after, pair.status) for pair in there.mirrored().values} == values


def total(amounts: list[Dim | None]) -> Dim:
    return add([amount for amount in amounts if amount is not None])


@LAW
@given(graphs(), graphs())
def test_the_changes_of_the_costs_add_up(before: Graph, after: Graph) -> None:
    found = fxviz.diff(before, after)
    for cost in found.costs:
        if cost.label.endswith("FLOPs") or cost.label == "integer OPs":
            parts = total([cost.at(pair).change for pair in found.nodes])
            assert parts == total([cost.total.after]) - total([cost.total.before])
    shown = {delta.label: delta for delta in found.totals}
    assert shown["parameters"].before == Facts(before)[Parameters()].total
    assert shown["FLOPs"].after == Facts(after)[Flops()].at(())


@LAW
@given(graphs(texts=True), graphs(texts=True))
def test_the_union_is_a_graph_with_all_operations(before: Graph, after: Graph) -> None:
    found = fxviz.diff(before, after)
    union = Union(found)
    union.graph.verify()
    assert len(union.graph.nodes) == len(found.nodes)
    assert [union.pairs[node] for node in union.graph.nodes] == list(found.nodes)


@LAW
@given(graphs(texts=True), graphs(texts=True))
def test_every_report_can_be_written(before: Graph, after: Graph) -> None:
    found = fxviz.diff(before, after)
    content = json.loads(found.json())
    assert sum(content["operations"].values()) == len(found.nodes)
    assert len(content["nodes"]) == len(found.nodes) - found.counts[Status.KEPT]
    assert found.equal == content["equal"]
    for line in (*str(found).splitlines(), *found.markdown().splitlines()):
        assert line.isprintable()
    fxviz.render(found.view(), "dot")


# Hand-made ------------------------------------------------------------------------------------------------------------


def changes(found: fxviz.GraphDiff) -> list[str]:
    """The lines of the report between the headline and the totals."""
    lines = str(found).split("\n\n")
    return lines[1].splitlines() if len(lines) > 2 else []


def heads(found: fxviz.GraphDiff) -> list[str]:
    return [line.partition(" · ")[0] for line in changes(found)]


def test_added_layers_are_one_line() -> None:
    found = fxviz.diff(encoder(12), encoder(16))
    assert statuses(found) == {"kept": 12 * 4 + 2, "added": 4 * 4}
    # Each layer has two linears of 8 by 8: 128 weights, and 2·2·64 FLOPs; and an addition and a GELU of 8 elements.
    assert heads(found) == ["+ layers.12–15: Block × 4"]
    assert "4 operations each · +512 parameters" in changes(found)[0]


def test_a_wider_model_is_resized_throughout() -> None:
    found = fxviz.diff(encoder(3, width=8), encoder(3, width=16))
    assert statuses(found) == {"changed": 3 * 4 + 2}
    assert heads(found)[0].startswith("~ input x")
    assert "14 operations: sizes 8 → 16" in str(found)
    head = found.nodes[-1]
    assert [str(detail) for detail in head.details] == ["weight 2×8 → 2×16"]


def net(
    *names: str, kinds: dict[str, str] | None = None, wrapped: str = "", sizes: dict[str, int] | None = None
) -> Graph:
    """Linears in a row, each in a module of its own name."""
    build = Builder("net")
    x = build.input("x", 1, 8)

    def run() -> None:
        nonlocal x
        for name in names:
            width = (sizes or {}).get(name, 8)
            with build.module(name, (kinds or {}).get(name, "Linear")):
                weight = build.parameter("weight", width, x.type.shape[-1])
                x = build.op("linear", x, weight, shape=(1, width))

    if wrapped:
        with build.module(wrapped, "Net"):
            run()
    else:
        run()
    return build.graph(x)


def test_a_module_under_another_name_has_moved() -> None:
    found = fxviz.diff(net("first", "head", sizes={"head": 2}), net("first", "classifier", sizes={"classifier": 2}))
    assert statuses(found) == {"moved": 1, "kept": 1}
    assert changes(found) == ["→ classifier: Linear · was head"]
    assert not found.equal
    assert not found.changed_values  # the weight is the same by another name


def test_an_inserted_module_moves_those_behind_it() -> None:
    sizes = {"0": 16, "1": 4, "2": 2}
    shifted = {"0": 16, "1": 5, "2": 4, "3": 2}
    found = fxviz.diff(net("0", "1", "2", sizes=sizes), net("0", "1", "2", "3", sizes=shifted))
    by_status = {pair.node.name: pair.status for pair in found.nodes}
    assert by_status["linear"] is Status.KEPT
    assert sum(status is Status.MOVED for status in by_status.values()) == 1  # of 4 to 2
    assert statuses(found) == {"kept": 1, "added": 1, "changed": 1, "moved": 1}


def test_a_model_inside_another_one_has_moved_as_a_whole() -> None:
    names = ("a", "b", "c", "d")
    there = fxviz.diff(net(*names), net(*names, wrapped="backbone"))
    assert statuses(there) == {"moved": 4}
    assert changes(there) == ["→ backbone: Net · was the whole model · −32 B at the peak"]  # the input is none of its
    back = fxviz.diff(net(*names, wrapped="backbone"), net(*names))
    assert statuses(back) == {"moved": 4}
    assert changes(back) == ["→ net · was backbone · +32 B at the peak"]


def test_another_class_of_the_same_work_is_told() -> None:
    found = fxviz.diff(net("a", "b"), net("a", "b", kinds={"b": "LoRALinear"}))
    assert statuses(found) == {"kept": 2}
    assert not found.equal
    assert changes(found) == ["~ b: LoRALinear · Linear → LoRALinear"]


def test_a_module_that_became_a_function_is_the_same_operation() -> None:
    def activated(inside: bool) -> Graph:
        build = Builder("net")
        x = build.op("linear", build.input("x", 1, 8), build.parameter("weight", 8, 8))
        if inside:
            with build.module("relu", "ReLU"):
                x = build.op("relu", x)
        else:
            x = build.op("relu", x)
        return build.graph(x)

    assert statuses(fxviz.diff(activated(True), activated(False))) == {"kept": 1, "moved": 1}


def skip(source: int) -> Graph:
    build = Builder("net")
    values = [build.input("x", 1, 8)]
    for _ in range(3):
        values.append(build.op("relu", values[-1]))
    return build.graph(build.op("add", values[-1], values[source], names=("input", "other")))


def test_another_source_is_a_change() -> None:
    found = fxviz.diff(skip(0), skip(1))
    assert statuses(found) == {"kept": 3, "changed": 1}
    assert changes(found) == ["~ add · other from x → relu"]


def test_what_reads_past_a_removed_operation_did_not_change() -> None:
    def dropped(times: int) -> Graph:
        build = Builder("net")
        x = build.op("relu", build.input("x", 1, 8))
        for _ in range(times):
            x = build.op("dropout", x, p=0.5)
        return build.graph(build.op("gelu", x))

    assert statuses(fxviz.diff(dropped(1), dropped(0))) == {"kept": 2, "removed": 1}


def test_frozen_weights_are_told_together() -> None:
    def frozen(trainable: bool) -> Graph:
        build = Builder("net")
        x = build.input("x", 1, 8)
        for name in ("a", "b", "c"):
            with build.module(name, "Linear"):
                x = build.op("linear", x, build.parameter("weight", 8, 8, trainable=trainable))
        return build.graph(x)

    found = fxviz.diff(frozen(True), frozen(False))
    assert statuses(found) == {"kept": 3}
    assert changes(found) == ["~ 3 parameters: a.weight, b.weight, … · trainable → frozen"]


def test_a_weight_that_no_operation_reads_is_told() -> None:
    def net_with(unused: bool) -> Graph:
        build = Builder("net")
        if unused:
            build.parameter("scale", 4)
        return build.graph(build.op("relu", build.input("x", 1, 8)))

    found = fxviz.diff(net_with(False), net_with(True))
    assert not found.equal
    assert changes(found) == ["+ parameter scale · float32 4"]


def test_symbolic_costs_are_subtracted_as_expressions() -> None:
    import sympy

    batch = sympy.Symbol("B", integer=True, positive=True)
    found = fxviz.diff(encoder(2, batch=batch), encoder(3, batch=batch))
    flops = next(delta for delta in found.totals if delta.label == "FLOPs")
    one = next(cost for cost in found.costs if cost.label == "FLOPs")
    layer = next(pair for pair in found.root.scopes() if pair.before is None)
    assert flops.change == one.at(layer).change
    assert flops.change.free_symbols == {batch}
    assert str(flops).startswith("+")
    assert "·B" in str(flops)


def test_the_change_of_what_is_not_known_is_not_known() -> None:
    assert format_change(None) == "?"
    build = Builder("net")
    before = build.graph(build.op("made_up", build.input("x", 1, 8)))
    found = fxviz.diff(before, encoder(1))
    assert found.unknown[0] == {"aten.made_up": 1}
    assert "operations not counted" in str(found)


def test_only_graphs_are_compared() -> None:
    with pytest.raises(InputError, match="trace the model first"):
        fxviz.diff("net.json", encoder(1))  # type: ignore[arg-type]


# Alignment and its cost -----------------------------------------------------------------------------------------------


def test_long_sequences_are_cut_before_they_are_compared() -> None:
    before = [*range(3000)]
    after = [x for x in before if x % 7] + [-1] * 3
    compared = 0

    def worth(a: int, b: int) -> float:
        nonlocal compared
        compared += 1
        return float(a == b)

    found = list(align(before, after, worth, lambda x: x))
    assert found == [(x, x) for x in before if x % 7]
    assert compared < 10_000


def test_what_has_one_hash_is_not_one_thing() -> None:
    assert hash(-1) == hash(-2)
    assert list(common_subsequence([-1, 3], [-2, 3])) == [(1, 1)]


def test_work_grows_no_faster_than_the_graphs() -> None:
    def work(layers: int) -> int:
        graphs = encoder(layers), encoder(layers + 1, width=16)
        return lines_run(lambda: fxviz.diff(*graphs))

    work(1)  # imports
    # Eight times as many layers would be 64 times the work, were all compared with all.
    assert work(400) < 10 * work(50)


def test_a_notebook_shows_the_markdown() -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason="IPython is not installed")
    found = fxviz.diff(encoder(2), encoder(3))
    shown, _ = formatters.DisplayFormatter().format(found)
    assert shown == {"text/markdown": found.markdown(), "text/plain": repr(found)}


def test_the_output_is_the_same_under_any_hash_seed() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/support')\nfrom build import encoder\nimport fxviz\n"
        "found = fxviz.diff(encoder(4), encoder(6, width=16))\n"
        "print(found, found.markdown(), found.json(), fxviz.render(found.view(), 'mermaid'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert next(iter(outputs))


# Pictures -------------------------------------------------------------------------------------------------------------


def test_a_picture_marks_and_colours_what_changed() -> None:
    view = fxviz.diff(encoder(3), encoder(3, extra={1: "tanh"})).view(budget=100)
    marked = {view.title(item): view.kind(item) for item in view.walk()}
    assert marked["+ tanh"] == "added"
    assert marked["~ 1: Block"] == "changed"
    assert marked["0: Block"] == "kept"
    text = fxviz.render(view, "mermaid")
    assert ":::added" in text
    assert "classDef added" in text


def test_what_came_as_a_whole_stays_closed() -> None:
    view = fxviz.diff(encoder(12), encoder(16)).view(budget=100)
    closed = {view.title(item) for item in view.walk() if not isinstance(item, Node) and not item.open}
    assert closed == {"0–11: Block × 12", "+ 12–15: Block × 4"}
    less = view.with_budget(10)
    assert any(less.title(item).startswith("+ ") for item in less.walk())


def test_removed_modules_stand_where_they_were() -> None:
    view = fxviz.diff(net("a", "b", "c"), net("a", "c")).view()
    assert [view.title(item) for item in view.walk()] == ["a: linear", "− b: linear", "c: linear"]
    ends = [(view.title(edge.source), view.title(edge.target)) for edge in view.edges]
    assert ("− b: linear", "c: linear") in ends
    assert ("a: linear", "c: linear") in ends


def test_another_class_in_the_place_of_a_module_stands_beside_it() -> None:
    def at_zero(op: str) -> Graph:
        build = Builder("net")
        with build.module("0", op.title()):
            x = build.op(op, build.input("x", 1, 8))
        return build.graph(x)

    found = fxviz.diff(at_zero("relu"), at_zero("gelu"))
    assert statuses(found) == {"added": 1, "removed": 1}
    view = found.view()
    view.graph.verify()
    assert sorted(view.title(item) for item in view.walk()) == ["+ 0: gelu", "− 0′: relu"]
    assert all(isinstance(pair, NodePair) for pair in found.nodes)
