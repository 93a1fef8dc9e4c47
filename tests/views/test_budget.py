"""What is opened: by budget, by focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from build import Builder, encoder
from shown import Elements
from tree import tree
from work import lines_run

from fxviz.errors import InputError
from fxviz.ir import Call, Node
from fxviz.views.budget import afford
from fxviz.views.folding import Draft
from fxviz.views.siblings import gather
from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph


def stages(*widths: int) -> Graph:
    """Stages of one big and one small block each; the work grows with the square of the width."""
    build = Builder("stages")
    x = build.input("x", 1, 4)
    for i, width in enumerate(widths):
        with build.module(f"stage{i}", "Stage"):
            for name, wide in (("small", 1), ("big", width)):
                with build.module(name, name.title()):
                    for _ in range(2):
                        weight = build.parameter(f"weight{build.step}", wide, wide)
                        x = build.op("linear", x, weight, kernel="aten.mm.default", shape=(wide, wide))
    return build.graph(x)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (3, "[stage0] [stage1]"),
        (4, "[stage0] stage1 [small] [big]"),
        (6, "[stage0] stage1 [small] big linear linear"),
        (9, "stage0 [small] [big] stage1 [small] big linear linear"),
        (14, "stage0 small linear linear big linear linear stage1 small linear linear big linear linear"),
    ],
)
def test_a_budget_opens_what_weighs_most(budget: int, expected: str) -> None:
    view = View.of(stages(30, 40), budget=budget)
    assert [line.partition(":")[0].strip(" []") for line in tree(view).splitlines()] == expected.replace(
        "[", ""
    ).replace("]", "").split()
    assert [item.open for item in view.walk() if isinstance(item, Box)] == [
        "[" not in word for word in expected.split() if word != "linear"
    ]


def test_a_small_module_stays_closed_though_there_is_room_unless_all_of_it_can_be_seen() -> None:
    view = View.of(stages(300, 400), budget=13)
    closed = [view.title(item) for item in view.walk() if isinstance(item, Box) and not item.open]
    assert closed == ["small: Small", "small: Small"]
    assert all(item.open for item in View.of(stages(300, 400), budget=14).walk() if isinstance(item, Box))


def test_edges_count_too() -> None:
    build = Builder()
    values = [build.op("neg", build.input("x", 1, 4)) for _ in range(4)]
    with build.module("mixer", "Mixer"):
        mixed = [build.op("stack", *values, shape=(4, 4)) for _ in range(4)]
    graph = build.graph(build.op("cat", *mixed, shape=(16, 4)))
    assert tree(View.of(graph, budget=12)).count("stack") == 0  # of 9 operations, but with 25 edges
    assert tree(View.of(graph, budget=26)).count("stack") == 4


@pytest.mark.parametrize(("ends", "opened"), [(False, True), (True, False)])
def test_edges_from_inputs_and_to_outputs_count_where_they_are_drawn(ends: bool, opened: bool) -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("heads", "Heads"):
        made = [build.op("neg", x) for _ in range(4)]
    view = View.of(build.graph(*made), budget=5, ends=ends)  # a box and four operations; two arrows for each of these
    assert [item.open for item in view.walk() if isinstance(item, Box)] == [opened]


def test_the_number_of_operations_weighs_where_nothing_else_is_known() -> None:
    build = Builder()
    x = build.input("x")
    for name, operations in (("small", 2), ("big", 5)):
        with build.module(name, name.title()):
            for _ in range(operations):
                x = build.op("mystery", x, kernel="mylib.mystery.default")
    view = View.of(build.graph(x), budget=7)
    assert tree(view).splitlines()[:2] == ["[small: Small]", "big: Big"]


def test_a_budget_and_a_depth_hold_both_and_a_budget_of_nothing_is_refused() -> None:
    assert tree(View.of(stages(3, 4), budget=100, depth=0)).splitlines() == ["[stage0: Stage]", "[stage1: Stage]"]
    with pytest.raises(InputError, match="budget is 0"):
        View.of(stages(3), budget=0)


def test_a_focus_opens_one_scope_and_closes_all_around_it() -> None:
    graph = encoder(12)
    assert tree(View.of(graph, focus="layers.3")).splitlines() == [
        "embed: linear",
        "layers: ModuleList",
        "  [0–2: Block × 3]",
        "  3: Block",
        "    mlp: Sequential",
        "      0: linear",
        "      1: gelu",
        "      2: linear",
        "    add",
        "  [4–11: Block × 8]",
        "head: linear",
    ]
    assert tree(View.of(graph, focus="layers.3", depth=0)).splitlines()[3:6] == [
        "  3: Block",
        "    [mlp: Sequential]",
        "    add",
    ]
    assert tree(View.of(graph, focus="layers.11.mlp", budget=10)).splitlines()[2:] == [
        "  [0–10: Block × 11]",
        "  11: Block",
        "    mlp: Sequential",
        "      0: linear",
        "      1: gelu",
        "      2: linear",
        "    add",
        "head: linear",
    ]


def test_a_focus_on_a_container_or_an_operation_is_seen() -> None:
    assert tree(View.of(encoder(3), focus="layers")) == tree(View.of(encoder(3)))
    assert tree(View.of(encoder(2), focus="layers.1.mlp.1")).splitlines()[4:7] == [
        "    mlp: Sequential",
        "      0: linear",
        "      1: gelu",
    ]


def test_a_focus_on_one_call_of_a_module_and_on_none() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for _ in range(4):
        with build.module("cell", "Cell"):
            x = build.op("tanh", build.op("neg", x))
    graph = build.graph(x)
    view = View.of(graph, focus="cell@2")
    assert tree(view).splitlines() == ["[cell: Cell × 2]", "cell@2: Cell", "  neg", "  tanh", "[cell@3: Cell]"]
    with pytest.raises(InputError, match="no operation of 'graph' ran in a module 'cel'; did you mean cell"):
        View.of(graph, focus="cel")


# More at the top level than can be seen -------------------------------------------------------------------------------


def seen(view: View) -> int:
    return sum(1 for _ in view.walk())


def test_what_is_too_much_shares_boxes_operations_first() -> None:
    build = Builder()
    x = build.input("x", 1, 8)
    for i in range(3):
        for op in ("relu", "neg", "relu"):
            x = build.op(op, x)
        with build.module(f"layer{i}", "Layer"):
            x = build.op("linear", build.op("gelu", x), build.parameter("weight", 8 + i, 8), shape=(1, 8))
    graph = build.graph(x)
    assert tree(View.of(graph, budget=7, show=(Elements(),)), lines=True).splitlines() == [
        "[3 operations: relu, neg]    1×8 | 24 FLOPs",
        "[layer0: Layer]    1×8 | 16 FLOPs",
        "[3 operations: relu, neg]    1×8 | 24 FLOPs",
        "[layer1: Layer]    1×8 | 16 FLOPs",
        "[3 operations: relu, neg]    1×8 | 24 FLOPs",
        "[layer2: Layer]    1×8 | 16 FLOPs",
    ]
    assert tree(View.of(graph, budget=4)).splitlines() == [
        "[relu … layer0: 4 parts]",
        "[relu … relu: 7 parts]",
        "[layer2: Layer]",
    ]


def test_operations_among_modules_share_a_box_where_the_module_would_not_fit_else() -> None:
    build = Builder()
    x = build.input("x", 1, 8)
    with build.module("net", "Net"):
        for _ in range(12):
            x = build.op("relu", x)
        for i in range(2):
            with build.module(f"block{i}", f"Block{i}"):
                x = build.op("linear", build.op("gelu", x), build.parameter("weight", 8, 8))
    x = build.op("neg", x)
    assert tree(View.of(build.graph(x), budget=5)).splitlines() == [
        "net: Net",
        "  [12 operations: relu]",
        "  [block0: Block0]",
        "  [block1: Block1]",
        "neg",
    ]


def flat(operations: int) -> Graph:
    build = Builder()
    x = build.input("x", 1, 8)
    for i in range(operations):
        x = build.op("relu" if i % 3 else "neg", x)
    return build.graph(x)


def test_a_flat_graph_of_five_thousand_operations_is_seen_as_a_few_at_once() -> None:
    view = View.of(flat(5_000), budget=40)
    assert 20 <= seen(view) <= 40
    assert sum(len(view.places(item)) for item in view.walk()) == 5_000


def test_the_work_for_a_flat_graph_grows_with_it_and_no_faster() -> None:
    few, many = flat(200), flat(1_600)
    at_few, at_many = (lines_run(lambda graph=graph: View.of(graph, budget=40)) for graph in (few, many))
    assert at_many < 12 * at_few  # eight times the operations; squared, it would be 64 times


# The decision itself, on boxes without a graph --------------------------------------------------------------------------


def box(name: str, *items: Draft | Node, pinned: bool = False) -> Draft:
    """An open box of a kind of its own."""
    return Draft(((Call(name, name.title()),),), [*items], pinned=pinned)


def ops(number: int) -> list[Node]:
    return [Node("relu", (), (), name=f"relu{i}") for i in range(number)]


def root_of(*items: Draft | Node) -> Draft:
    return Draft(((),), [*items], pinned=True)


def opened_in(root: Draft) -> list[str]:
    """The names of the open boxes, outermost first."""
    boxes = [item for item in root.items if isinstance(item, Draft)]
    return [name for item in boxes for name in ([item.scope[-1].path, *opened_in(item)] if item.open else [])]


def afforded(root: Draft, budget: int, edges: Callable[[Draft], int] = lambda root: 0, **shares: float) -> Draft:
    """The root within the budget; a box has its share by name, 0.5 where none is said."""
    return afford(root, budget, lambda box: shares.get(box.scope[-1].path if box.scope else "", 0.5), edges)


def test_everything_is_open_where_it_just_fits_however_little_it_weighs() -> None:
    root = root_of(box("norm", *ops(2)))

    def edges_if_open(number: int) -> Callable[[Draft], int]:
        return lambda root: number if opened_in(root) else 1

    assert opened_in(afforded(root, 3, edges_if_open(3), norm=0)) == ["norm"]
    assert opened_in(afforded(root, 3, edges_if_open(4), norm=0)) == []
    assert opened_in(afforded(root, 2, edges_if_open(2), norm=0)) == []


def test_a_level_that_just_fits_is_left_as_it_is_and_another_shares_boxes_until_it_fits() -> None:
    root = root_of(*(box(name, *ops(9)) for name in "abcd"))
    assert [item.label for item in boxes_of(afforded(root, 4, lambda root: 4))] == [""] * 4
    # Six arrows, or more things than the budget, are too many: one joint is undone after the other.
    assert len(afforded(root, 4, lambda root: 2 * len(root.items)).items) == 2
    assert len(afforded(root, 3).items) == 3


def boxes_of(root: Draft) -> list[Draft]:
    return [item for item in root.items if isinstance(item, Draft)]


@pytest.mark.parametrize("most", [4, 6])
def test_pinned_boxes_count_among_what_siblings_may_share_boxes_for(most: int) -> None:
    inner = box("inner", *ops(9), pinned=True)
    root = gather(root_of(*ops(9), box("outer", inner, *ops(9), pinned=True)), most, lambda box: 0.5)
    (outer,) = [item for item in boxes_of(root) if item.pinned]
    (inner,) = [item for item in boxes_of(outer) if item.pinned]
    assert len(root.items) + len(outer.items) + len(inner.items) == max(most, 5)  # the two, and one in each level


def test_a_level_gives_up_an_eighth_at_a_time() -> None:
    # 16 things are tried, then 16 − 16 // 8 = 14, then 14 − 14 // 8 = 13; of 14, 13 and 12, arrows allow 13.
    root = root_of(*ops(16))
    assert len(afforded(root, 16, lambda root: 99 if len(root.items) > 13 else 0).items) == 13


@pytest.mark.parametrize(("wide", "expected"), [(0, ["ok"]), (1, ["ok"]), (4, ["ok"]), (5, [])])
def test_at_most_four_boxes_with_too_many_edges_are_passed_over(wide: int, expected: list[str]) -> None:
    boxes = [box(f"wide{i}", *ops(2)) for i in range(wide)] + [box("ok", *ops(2)), box("much", *ops(99))]
    crowded = afforded(
        root_of(*boxes), 20, lambda root: 21 if any("wide" in name for name in opened_in(root)) else 1, ok=0.1
    )
    assert opened_in(crowded) == expected


def test_what_was_affordable_stays_so_when_another_is_passed_over() -> None:
    boxes = [box("first", *ops(2)), box("wide", *ops(2)), box("last", *ops(2)), box("much", *ops(99))]
    found = afforded(root_of(*boxes), 20, lambda root: 21 if "wide" in opened_in(root) else 20, first=0.9, last=0.1)
    assert opened_in(found) == ["first", "last"]


def test_a_box_opens_where_its_items_just_fit_and_shares_boxes_of_operations_alone() -> None:
    much = box("much", *ops(99))
    exact = box("exact", box("inner", *ops(9)), *ops(3))
    assert opened_in(afforded(root_of(exact, much), 6, inner=0, much=0)) == ["exact"]
    # Of a room of three, the inner box takes one, an operation another, and two operations share the third.
    (gathered, _) = boxes_of(afforded(root_of(exact, much), 5, inner=0, much=0))
    assert [item.label for item in boxes_of(gathered)] == ["", "2 operations: relu"]
    # No operations that could share: modules alone stay in a closed box, and so do operations alone.
    assert opened_in(afforded(root_of(box("modules", *(box(name, *ops(9)) for name in "abcde"))), 4)) == []
    assert opened_in(afforded(root_of(box("loose", *ops(5))), 4)) == []


def test_what_pinned_boxes_hold_is_seen_at_any_rate_and_counts() -> None:
    pinned = box("pinned", box("inner", *ops(3)), *ops(2), pinned=True)
    # Two boxes, and three things in the pinned one; the inner box takes three more.
    assert opened_in(afforded(root_of(pinned, box("much", *ops(99))), 8, much=0)) == ["pinned", "inner"]
    assert opened_in(afforded(root_of(pinned, box("much", *ops(99))), 7, much=0)) == ["pinned"]
