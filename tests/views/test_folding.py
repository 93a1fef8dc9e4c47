"""How boxes nest, and which siblings share one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from build import Builder, encoder
from shown import Elements, Ordinals, block, layers
from tree import edges, tree

from fxviz.errors import InputError
from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from fxviz.ir import Graph, Value


def test_a_stack_of_layers_is_one_box() -> None:
    view = View.of(encoder(12))
    assert tree(view).splitlines() == [
        "embed: linear",
        "layers.0–11: Block × 12",
        "  mlp: Sequential",
        "    0: linear",
        "    1: gelu",
        "    2: linear",
        "  add",
        "head: linear",
    ]
    assert edges(view) == [
        "x -> embed: linear",
        "embed: linear -> 0: linear",
        "0: linear -> 1: gelu",
        "1: gelu -> 2: linear",
        "embed: linear -> add",
        "2: linear -> add",
        "add -> head: linear",
        "head: linear -> output",
    ]
    box = view.root.items[1]
    assert isinstance(box, Box)
    assert box.times == 12
    assert [scope[-1].path for scope in box.copies] == [f"layers.{i}" for i in range(12)]


@pytest.mark.parametrize(
    ("depth", "fold", "expected"),
    [
        (0, True, ["embed: linear", "[layers.0–3: Block × 4]", "head: linear"]),
        (0, False, ["embed: linear", "[layers: ModuleList]", "head: linear"]),
        (1, True, ["embed: linear", "layers.0–3: Block × 4", "  [mlp: Sequential]", "  add", "head: linear"]),
        (1, False, ["embed: linear", "layers: ModuleList", *[f"  [{i}: Block]" for i in range(4)], "head: linear"]),
    ],
)
def test_depth_closes_what_is_nested_deeper(depth: int, fold: bool, expected: list[str]) -> None:
    assert tree(View.of(encoder(4), depth=depth, fold=fold)).splitlines() == expected


def test_a_negative_depth_is_refused() -> None:
    with pytest.raises(InputError, match="depth is -1"):
        View.of(encoder(1), depth=-1)


def test_a_layer_that_differs_parts_the_run() -> None:
    view = View.of(encoder(12, extra={5: "relu"}), depth=1)
    assert tree(view).splitlines()[1:5] == [
        "layers: ModuleList",
        "  [0–4: Block × 5]",
        "  [5: Block]",
        "  [6–11: Block × 6]",
    ]


def test_folds_nest() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for stage in range(3):
        with build.module(f"stage{stage}", "Stage"):
            for block in range(2):
                with build.module(f"blocks.{block}", "Block"):
                    x = build.op("relu", build.op("neg", x))
            x = build.op("tanh", x)
    view = View.of(build.graph(x), show=(Elements(),))
    assert tree(view, lines=True).splitlines() == [
        "stage0–2: Stage × 3    1×4 | 60 FLOPs",
        "  blocks.0–1: Block × 2    1×4 | 16 FLOPs",
        "    neg    1×4 | 4 FLOPs",
        "    relu    1×4 | 4 FLOPs",
        "  tanh    1×4 | 4 FLOPs",
    ]
    assert {value.name: view.shown(value).name for value in view.representatives} == (
        dict.fromkeys(("neg_1", "neg_2", "neg_3", "neg_4", "neg_5"), "neg")
        | dict.fromkeys(("relu_1", "relu_2", "relu_3", "relu_4", "relu_5"), "relu")
        | dict.fromkeys(("tanh_1", "tanh_2"), "tanh")
    )


def test_single_operations_in_modules_fold_to_one_closed_box() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("layers", "ModuleList"):
        for i in range(3):
            with build.module(str(i), "Linear"):
                x = build.op("linear", x, build.parameter("weight", 4, 4))
    view = View.of(build.graph(x))
    (box,) = view.root.items
    assert tree(view) == "[layers.0–2: linear × 3]"
    assert view.kind(box) == "matrix"
    assert edges(view) == ["x -> layers.0–2: linear × 3", "layers.0–2: linear × 3 -> output"]


def test_modules_with_names_of_their_own_are_not_folded() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    made = []
    for name in ("query", "key", "value"):
        with build.module(name, "Linear"):
            made.append(build.op("linear", x, build.parameter("weight", 4, 4)))
    view = View.of(build.graph(*made))
    assert tree(view).splitlines() == ["query: linear", "key: linear", "value: linear"]


def test_a_container_around_a_single_module_is_left_out() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("features", "Sequential"), build.module("0", "Block"), build.module("layers", "ModuleList"):
        for i in range(2):
            with build.module(f"{i}", f"Layer{i}"):
                x = build.op("relu", build.op("neg", x))
    view = View.of(build.graph(build.op("exp", x)), depth=1)
    assert tree(view).splitlines() == ["features.0: Block", "  [layers.0: Layer0]", "  [layers.1: Layer1]", "exp"]


def test_a_folded_run_stays_in_the_module_around_it_but_not_in_a_container() -> None:
    build = Builder()
    x = build.op("exp", build.input("x", 1, 4))
    with build.module("encoder", "Encoder"), build.module("layers", "ModuleList"):
        for i in range(3):
            with build.module(f"{i}", "Sequential"), build.module("block", "Block"):
                x = build.op("relu", build.op("neg", x))
    graph = build.graph(x)
    assert tree(View.of(graph, depth=0)).splitlines() == ["exp", "[encoder: Encoder]"]
    assert tree(View.of(graph, depth=1)).splitlines()[1:] == ["encoder: Encoder", "  [layers.0–2.block: Block × 3]"]


def test_a_chain_of_scopes_is_one_box() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("encoder", "Encoder"), build.module("wrapped", "Wrapper"), build.module("body", "Body"):
        x = build.op("relu", build.op("neg", x))
    x = build.op("exp", x)
    view = View.of(build.graph(x))
    assert tree(view).splitlines() == ["encoder: Encoder", "  neg", "  relu", "exp"]


def test_calls_of_one_module_in_a_row_fold_and_others_are_numbered() -> None:
    build = Builder()
    x = build.input("x", 1, 4)

    def cell(x: Value) -> Value:
        with build.module("cell", "Cell"):
            return build.op("tanh", build.op("linear", x, build.parameter("weight", 4, 4)))

    x = cell(cell(x))
    x = cell(build.op("neg", x))
    view = View.of(build.graph(x), depth=0)
    assert tree(view).splitlines() == ["[cell: Cell × 2]", "neg", "[cell@2: Cell]"]


def test_containers_that_are_run_in_turn_are_left_out_and_make_no_cycle() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(2):
        for name, op, numbers in (("convs", "neg", (2 * i, 2 * i + 1)), ("norms", "exp", (i,))):
            for number in numbers:
                with build.module(name, "ModuleList"), build.module(str(number), "Layer"):
                    x = build.op("relu", build.op(op, x))
    graph = build.graph(x)
    titles = ["convs.0–1: Layer × 2", "norms.0: Layer", "convs.2–3: Layer × 2", "norms.1: Layer"]
    assert tree(View.of(graph, depth=0)).splitlines() == [f"[{title}]" for title in titles]
    assert edges(View.of(graph, depth=0)) == [
        f"{a} -> {b}" for a, b in zip(["x", *titles], [*titles, "output"], strict=True)
    ]


def test_towers_side_by_side_fold_and_all_their_outputs_reach_the_reader() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    towers = [block(build, f"tower.{i}", x) for i in range(3)]
    view = View.of(build.graph(build.op("cat", *towers, shape=(3, 4))))
    assert tree(view).splitlines() == ["tower.0–2: Block × 3", "  neg", "  relu", "cat"]
    assert edges(view) == ["x -> neg", "neg -> relu", "relu -> cat", "cat -> output"]


def test_equal_siblings_that_are_wired_differently_are_not_drawn_as_one_chain() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    a = block(build, "b.1", block(build, "b.0", x))  # one chain
    b = block(build, "b.3", block(build, "b.2", x))  # another beside it
    view = View.of(build.graph(build.op("add", a, b)), depth=0)
    assert tree(view).splitlines() == ["[b.0–1: Block × 2]", "[b.2–3: Block × 2]", "add"]
    assert edges(view).count("x -> b.2–3: Block × 2") == 1


def test_dense_connections_are_not_drawn_as_a_chain() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    made = [x, block(build, "b.0", x, x)]
    for i in range(1, 4):
        made.append(block(build, f"b.{i}", made[-1], made[-2]))
    view = View.of(build.graph(made[-1]), depth=0)
    assert "b.1: Block -> b.3: Block" in edges(view) or "b.1–2: Block × 2 -> b.3: Block" in edges(view)
    assert all("× 3" not in title for title in tree(view).splitlines())


def test_skips_into_and_out_of_a_fold_survive() -> None:
    build = Builder()
    x, mask = build.input("x", 1, 4), build.input("mask", 1, 4)
    early = build.op("exp", x)
    made = [early]
    for i in range(4):
        made.append(block(build, f"down.{i}", made[-1], mask if i % 2 else x))
    y = build.op("mul", made[-1], made[2])
    view = View.of(build.graph(build.op("sub", y, early), made[1]), depth=0)
    fold = "down.0–3: Block × 4"
    assert edges(view) == [
        "x -> exp",
        f"exp -> {fold}",
        f"x -> {fold}",
        f"mask -> {fold}",
        f"{fold} -> mul",
        "mul -> sub",
        "exp -> sub",
        "sub -> output.0",
        f"{fold} -> output.1",
    ]
    box = view.root.items[1]
    assert isinstance(box, Box)
    assert [value.name for value in box.inputs] == ["exp", "x", "mask"]
    assert [value.name for value in box.outputs] == ["relu"]


def test_an_edge_carries_each_value_once() -> None:
    build = Builder()
    x = build.input("x", 2, 4)
    with build.node("chunk", x, outputs=2) as node:
        a = node.kernel("aten.slice.Tensor", x, shape=(1, 4), view=True, returned=True)
        b = node.kernel("aten.slice.Tensor", x, shape=(1, 4), view=True, returned=True)
    view = View.of(build.graph(build.op("cat", a, b, a, shape=(3, 4))))
    (edge,) = [edge for edge in view.edges if view.title(edge.source) == "chunk"]
    assert edge.values == (a, b)


def test_an_input_that_is_returned_is_both_ends_of_an_edge_and_a_constant_of_none() -> None:
    build = Builder()
    x, unused = build.input("x", 1, 4), build.input("unused", 1)
    y = build.op("add", x, build.constant("one", 1, 4))
    view = View.of(build.graph(y, x, y))
    assert edges(view) == ["x -> add", "add -> output.0…2 × 2", "x -> x"]
    assert (view.root.inputs, view.root.outputs) == ((x, unused), (y, x))


def test_inputs_and_outputs_of_each_copy_alone_are_folded_with_it() -> None:
    build = Builder()
    x, mask = build.input("x", 1, 4), build.input("mask", 1, 4)
    caches = [build.input(f"cache.layers.{i}.keys", 2, 4) for i in range(3)]
    made = []
    for i in range(3):
        with build.module(f"layers.{i}", "Layer"):
            made.append(build.op("cat", caches[i], x, shape=(3, 4)))
            x = build.op("add", x, build.op("mul", build.op("sum", made[-1], shape=(1, 4)), mask))
    graph = build.graph(x, *made)
    graph = replace(graph, output_names=("logits", *(f"new.layers.{i}.keys" for i in range(3))))
    view = View.of(graph, depth=0)
    fold = "layers.0–2: Layer × 3"
    assert edges(view) == [
        f"cache.layers.0–2.keys × 3 -> {fold}",
        f"x -> {fold}",
        f"mask -> {fold}",
        f"{fold} -> logits",
        f"{fold} -> new.layers.0–2.keys × 3",
    ]
    assert [value.name for value in view.root.inputs] == ["x", "mask", "cache.layers.0.keys"]
    assert view.tooltip(made[0]).splitlines() == ["output cat: float32 3×4", *graph.output_names[1:]]
    assert len(View.of(graph, fold=False, depth=0).root.outputs) == 4


def test_an_empty_graph_has_an_empty_view() -> None:
    build = Builder("nothing")
    view = View.of(build.graph(build.input("x", 1)))
    assert (view.root.items, edges(view), view.title(view.root)) == ((), ["x -> x"], "nothing")
    view = View.of(Builder().graph())
    assert (view.root.items, view.edges) == ((), ())


def test_a_sequence_that_is_repeated_is_one_box() -> None:
    view = View.of(layers(*["neg", "relu"] * 6), show=(Elements(),))
    assert tree(view, lines=True).splitlines() == [
        "layers.0–11: [Neg, Relu] × 6    1×4 | 96 FLOPs",
        "  0: Neg    1×4 | 8 FLOPs",
        "    neg    1×4 | 4 FLOPs",
        "    add    1×4 | 4 FLOPs",
        "  1: Relu    1×4 | 8 FLOPs",
        "    relu    1×4 | 4 FLOPs",
        "    add    1×4 | 4 FLOPs",
        "exp    1×4 | 4 FLOPs",
    ]
    assert edges(View.of(layers(*["neg", "relu"] * 6), depth=1))[1:3] == ["0: Neg -> 1: Relu", "1: Relu -> exp"]
    box = view.root.items[0]
    assert isinstance(box, Box)
    assert (box.times, box.period, len(box.copies), view.kind(box)) == (6, 2, 12, "scope")
    assert view.tooltip(box).splitlines() == [
        "layers.0: Neg",
        "to layers.11: 6 equal ones, 4 operations each",
        "reads x float32 1×4",
        "makes add_1 float32 1×4",
        "elements: 96 FLOPs",
        "elements: 16 FLOPs each",
    ]


def test_a_sequence_has_runs_in_it_and_what_is_left_over_is_drawn_after_it() -> None:
    view = View.of(layers(*["neg", "neg", "neg", "relu"] * 3, "neg", "neg"), depth=1)
    assert tree(view).splitlines() == [
        "layers: ModuleList",
        "  [0–11: [Neg × 3, Relu] × 3]",
        "  [12–13: Neg × 2]",
        "exp",
    ]
    opened = View.of(layers(*["neg", "neg", "neg", "relu"] * 3, "neg", "neg"), depth=2)
    assert tree(opened).splitlines()[1:4] == ["  0–11: [Neg × 3, Relu] × 3", "    [0–2: Neg × 3]", "    [3: Relu]"]


@pytest.mark.parametrize(
    "graph",
    [
        layers(*["neg", "relu"] * 2),  # a box around it would save nothing
        layers(*["neg", "relu"] * 3, reads=lambda made, i: made[0 if i in (2, 3) else -1]),  # one pair reads from afar
    ],
)
def test_a_sequence_that_is_short_or_wired_at_will_is_not_folded(graph: Graph) -> None:
    assert not any(isinstance(item, Box) and item.period > 1 for item in View.of(graph).walk())


def test_a_focus_and_fold_off_part_a_sequence() -> None:
    graph = layers(*["neg", "relu"] * 6)
    focused = tree(View.of(graph, focus="layers.7")).splitlines()
    assert focused[1:5] == ["  [0–5: [Neg, Relu] × 3]", "  [6: Neg]", "  7: Relu", "    relu"]
    assert "×" not in tree(View.of(graph, fold=False))


# Similar siblings -----------------------------------------------------------------------------------------------------


def rates(*values: object, op: str = "dropout", name: str = "p") -> Graph:
    """A stack of blocks that differ in one attribute, of which a second one follows."""
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("blocks", "ModuleList"):
        for i, value in enumerate(values):
            with build.module(str(i), "Block"):
                x = build.op(op, x, **{name: value})  # type: ignore[arg-type]
                x = build.op("div", x, other=value if name == "p" else 1)  # type: ignore[arg-type]
    return build.graph(x)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (rates(0.0, 0.05, 0.1), ["blocks.0–2: Block × 3    p/other 0, 0.05, 0.1 | 1×4"]),
        (rates(*(i / 100 for i in range(1, 13))), ["blocks.0–11: Block × 12    p/other 0.01…0.12 | 1×4"]),
        (rates((12, 12), (24, 24), op="conv", name="dilation"), ["blocks.0–1: Block × 2    dilation 12, 24 | 1×4"]),
        (rates((1, 2), (2, 1), op="conv", name="stride"), ["blocks.0–1: Block × 2    stride (1, 2), (2, 1) | 1×4"]),
    ],
)
def test_siblings_that_are_equal_but_for_a_number_fold_and_say_so(graph: Graph, expected: list[str]) -> None:
    view = View.of(graph, depth=0, show=(Ordinals(),))
    (box,) = view.root.items
    title, _, rest = tree(view, lines=True).partition("    ")
    assert [f"{title.strip('[]')}    {rest.rpartition(' | ')[0]}"] == expected
    assert view.metrics[0].at(*view.places(box)) == view.metrics[0].at(())  # the numbers of each copy are its own


@pytest.mark.parametrize(
    "graph",
    [
        rates(0, 1, op="softmax", name="dim"),  # another axis is another operation
        rates("mean", "max", op="pool", name="mode"),
        rates(True, False, op="attention", name="causal"),
        rates(None, 2, op="pool", name="stride"),
        rates((1, 2), (1,), op="pool", name="stride"),
    ],
)
def test_what_is_no_other_number_is_another_computation(graph: Graph) -> None:
    assert len(View.of(graph).root.items[0].items) == 2  # type: ignore[union-attr]


def test_siblings_that_differ_in_much_are_not_folded() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(2):
        with build.module(f"block{i}", "Block"):
            for k in range(3):
                x = build.op("add", x, **{f"alpha{k}": i * (k + 1)})
    assert len(View.of(build.graph(x)).root.items) == 2


def test_one_attribute_may_differ_in_many_places() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(2):
        with build.module(f"block{i}", "Block"):
            for k in range(3):
                x = build.op("mul", x, other=(i + 1) * 10**k)
    (box,) = (view := View.of(build.graph(x))).root.items
    assert view.lines(box)[0] == "other 1, 2 · other 10, 20 · …"


def test_a_sequence_may_vary_too() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("blocks", "ModuleList"):
        for i in range(6):
            with build.module(str(i), "Block"):
                x = build.op("relu" if i % 2 else "gelu", build.op("dropout", x, p=i / 10))
    (box,) = View.of(build.graph(x)).root.items
    assert isinstance(box, Box)
    assert (box.period, box.times) == (2, 3)
    assert [varying.values for varying in box.varying] == [(0.0, 0.2, 0.4), (0.1, 0.3, 0.5)]


# Bounds -----------------------------------------------------------------------------------------------------------------

OPS = ("neg", "relu", "exp", "tanh", "abs", "sin", "cos", "log", "sqrt")


@pytest.mark.parametrize(
    ("ops", "title"),
    [
        (OPS[:2] * 2, None),  # a box would save two runs
        (OPS[:3] * 2, "layers.0–5: [Neg, Relu, Exp] × 2"),  # three
        (OPS[:2] * 3, "layers.0–5: [Neg, Relu] × 3"),  # four
        (OPS[:2] * 4, "layers.0–7: [Neg, Relu] × 4"),  # the shortest period of those that take in as much
        (OPS[:8] * 2, "layers.0–15: [Neg, Relu, Exp, Tanh, Abs, Sin, Cos, Log] × 2"),
        (OPS[:9] * 2, None),  # nine in turn are not looked for
        (("neg", *OPS[:3], *OPS[:3]), None),  # two of the first kind, then one
    ],
)
def test_which_sequences_are_worth_a_box(ops: tuple[str, ...], title: str | None) -> None:
    view = View.of(layers(*ops))
    assert [view.title(item) for item in view.walk() if isinstance(item, Box) and item.period > 1] == [
        *filter(None, [title])
    ]


@pytest.mark.parametrize(
    ("numbers", "boxes"),
    [
        ([{"p": 0.1, "q": 3}, {"p": 0.2, "q": 4}], 1),  # two attributes
        ([{"p": 0.1, "q": 3, "r": 5}, {"p": 0.2, "q": 4, "r": 7}], 2),  # three, each in its own way
        ([{"p": 1, "q": 1, "r": 1}, {"p": 2, "q": 2, "r": 2}], 1),  # three that change as one
    ],
)
def test_siblings_that_differ_in_more_than_two_ways_are_not_folded(numbers: list[dict[str, float]], boxes: int) -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i, attributes in enumerate(numbers):
        with build.module(f"blocks.{i}", "Block"):
            x = build.op("relu", build.op("mystery", x, **attributes))  # type: ignore[arg-type]
    assert len(View.of(build.graph(x)).root.items) == boxes


def test_siblings_that_differ_in_one_attribute_of_many_operations_are_folded() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(2):
        with build.module(f"blocks.{i}", "Block"):
            for j in range(3):
                x = build.op("mystery", x, p=10 * j + i * (j + 1))
    assert len(View.of(build.graph(x)).root.items) == 1


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        (6, 0),  # the first copy instead of the second
        (7, 3),  # the copy before instead of its own
    ],
)
def test_a_sequence_ends_where_a_copy_reads_from_elsewhere(layer: int, source: int) -> None:
    view = View.of(layers(*OPS[:3] * 3, reads=lambda made, i: made[source + 1 if i == layer else -1]), depth=1)
    assert tree(view).splitlines()[:5] == [
        "layers: ModuleList",
        "  [0–5: [Neg, Relu, Exp] × 2]",
        "  [6: Neg]",
        "  [7: Relu]",
        "  [8: Exp]",
    ]


@pytest.mark.parametrize(
    ("layer", "source", "copies"),
    [
        (6, 6, 3),  # the end of the copy before, as the others do
        (6, 3, 2),  # the end of the copy before that
        (7, 4, 2),  # the same place as the others do, in the copy before instead of its own
    ],
)
def test_a_sequence_ends_where_a_copy_reads_as_much_from_elsewhere(layer: int, source: int, copies: int) -> None:
    """Without residuals a layer reads one value, wherever it is from: all copies compute the same."""
    build = Builder()
    made = [build.input("x", 1, 4)]
    for i in range(9):
        with build.module(f"layers.{i}", OPS[i % 3].title()):
            made.append(build.op(OPS[i % 3], build.op("add", made[source if i == layer else -1])))
    (box, *rest) = View.of(build.graph(made[-1])).root.items
    assert isinstance(box, Box)
    assert (box.period, box.times, len(rest)) == (3, copies, 9 - 3 * copies)


def test_what_is_hidden_between_the_copies_of_a_sequence_does_not_part_them() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(6):
        if i == 4:
            x = build.op("view", x, kernel="aten.view.default", view=True)
        with build.module(f"layers.{i}", OPS[i % 2].title()):
            x = build.op(OPS[i % 2], x)
    (box,) = View.of(build.graph(x), hide=True).root.items
    assert isinstance(box, Box)
    assert (box.period, box.times) == (2, 3)


@pytest.mark.parametrize(("second", "boxes"), [("a", 1), ("b", 6)])
def test_a_sequence_is_of_one_series_of_names(second: str, boxes: int) -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    for i in range(6):
        with build.module(f"{'a' if i < 3 else second}{i}", OPS[i % 3].title()):
            x = build.op("add", x, build.op(OPS[i % 3], x))
    assert len(View.of(build.graph(x)).root.items) == boxes


def test_what_is_hidden_beside_a_single_box_is_hidden_in_the_box_of_both() -> None:
    build = Builder()
    x = build.input("x", 1, 4)
    with build.module("outer", "Outer"):
        x = build.op("view", x, kernel="aten.view.default", shape=(4,))
        with build.module("outer.inner", "Inner"):
            x = build.op("exp", build.op("neg", x))
    view = View.of(build.graph(build.op("relu", x)), hide=True)
    assert tree(view).splitlines() == ["outer: Outer", "  neg", "  exp", "relu"]
    assert view.hidden == {"view": 1}
