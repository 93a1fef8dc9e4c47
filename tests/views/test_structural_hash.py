"""Which scopes are the same computation: what counts, what does not, and which parts correspond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sympy
from build import Builder, encoder
from work import lines_run

from fxviz.analysis.facts import Facts
from fxviz.errors import GraphError
from fxviz.views.structural_hash import Repeated, Repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph, Scope, Value


def repeats(graph: Graph) -> Repeated:
    return Facts(graph)[Repeats()]


def scope(graph: Graph, path: str, index: int = 0) -> Scope:
    return next(s for s in graph.scopes if s and s[-1].path == path and s[-1].index == index)


def pair(one: Callable[[Builder, Value], Value], other: Callable[[Builder, Value], Value]) -> bool:
    """Whether two modules of one kind, one after the other, are equal."""
    build = Builder()
    x = build.input("x", 2, 4)
    with build.module("a", "Block"):
        y = one(build, x)
    with build.module("b", "Block"):
        y = other(build, y)
    graph = build.graph(y)
    return repeats(graph).equal(scope(graph, "a"), scope(graph, "b"))


def relu(build: Builder, x: Value, **given: Any) -> Value:
    return build.op("relu", x, **given)


def test_layers_of_a_stack_are_equal_but_for_the_one_with_more_in_it() -> None:
    graph = encoder(6, extra={3: "relu"})
    found = repeats(graph)
    layers = [scope(graph, f"layers.{i}") for i in range(6)]
    assert [found.equal(layers[0], layer) for layer in layers] == [True, True, True, False, True, True]
    assert (layers[0], layers[1], layers[2], layers[4], layers[5]) in found.groups()
    assert found.equal(scope(graph, "layers.3.mlp"), scope(graph, "layers.0.mlp"))


def test_where_an_input_comes_from_and_which_weight_it_is_do_not_count() -> None:
    def linear(build: Builder, x: Value) -> Value:
        return build.op("linear", x, build.parameter("weight", 4, 4))

    assert pair(linear, linear)  # the first reads the graph's input and a.weight, the second a result and b.weight


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda b, x: b.op("gelu", x), id="operator"),
        pytest.param(lambda b, x: relu(b, x, alpha=1), id="attribute given"),
        pytest.param(lambda b, x: relu(b, x, kernel="aten.relu.out"), id="kernel"),
        pytest.param(lambda b, x: relu(b, x, dtype="float16"), id="output type"),
        pytest.param(lambda b, x: relu(b, relu(b, x)), id="more operators"),
        pytest.param(lambda b, x: relu(b, b.buffer("x", 2, 4)), id="a held tensor for a flowing one"),
        pytest.param(lambda b, x: relu(b, x, names=("self",)), id="argument name"),
    ],
)
def test_what_counts(other: Callable[[Builder, Value], Value]) -> None:
    assert pair(relu, relu)
    assert not pair(relu, other)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0.0, -0.0), ((1, 2), (2, 1)), ("1", 1), ({"a": 1}, {"b": 1})]
)
def test_attributes_that_python_may_call_equal_are_told_apart(one: Any, other: Any) -> None:
    assert not pair(lambda b, x: relu(b, x, given=one), lambda b, x: relu(b, x, given=other))
    assert pair(lambda b, x: relu(b, x, given=one), lambda b, x: relu(b, x, given=one))


def test_equal_attributes_are_equal_whatever_their_order_and_nan_equals_nan() -> None:
    one, other = {"a": float("nan"), "b": (1,)}, {"b": (1,), "a": float("nan")}
    assert pair(lambda b, x: relu(b, x, given=one), lambda b, x: relu(b, x, given=other))


def test_wiring_counts() -> None:
    def residual(build: Builder, x: Value) -> Value:
        y = relu(build, x)
        return build.op("add", build.op("gelu", y), x)

    def from_inside(build: Builder, x: Value) -> Value:
        y = relu(build, x)
        return build.op("add", build.op("gelu", y), y)

    assert pair(residual, residual)
    assert not pair(residual, from_inside)


def test_one_weight_used_twice_is_not_two_weights() -> None:
    def shared(build: Builder, x: Value) -> Value:
        weight = build.parameter("weight", 4, 4)
        return build.op("linear", build.op("linear", x, weight), weight)

    def separate(build: Builder, x: Value) -> Value:
        return build.op("linear", build.op("linear", x, build.parameter("one", 4, 4)), build.parameter("two", 4, 4))

    assert pair(shared, shared)
    assert pair(separate, separate)
    assert not pair(shared, separate)


def test_wiring_between_kernels_counts() -> None:
    def twice(build: Builder, x: Value, again: bool) -> Value:
        with build.node("mix", x) as node:
            first = node.kernel("aten.neg.default", x)
            second = node.kernel("aten.neg.default", first)
            return node.kernel("aten.add.Tensor", second, second if again else first, returned=True)

    assert pair(lambda b, x: twice(b, x, True), lambda b, x: twice(b, x, True))
    assert not pair(lambda b, x: twice(b, x, True), lambda b, x: twice(b, x, False))


def test_kinds_of_modules_count_at_every_level() -> None:
    def inner(kind: str) -> Callable[[Builder, Value], Value]:
        def block(build: Builder, x: Value) -> Value:
            with build.module("inner", kind):
                return relu(build, x)

        return block

    assert pair(inner("Norm"), inner("Norm"))
    assert not pair(inner("Norm"), inner("Scale"))


def test_calls_of_one_module_are_equal() -> None:
    build = Builder()
    x = build.input("x", 2, 4)
    for _ in range(3):
        with build.module("cell", "Cell"):
            x = build.op("linear", x, build.parameter("weight", 4, 4))
    graph = build.graph(x)
    assert repeats(graph).equal(scope(graph, "cell", 0), scope(graph, "cell", 2))


def test_symbolic_sizes_are_compared_as_expressions() -> None:
    batch = sympy.Symbol("B", integer=True, positive=True)
    same = sympy.Symbol("B", integer=True, positive=True)

    def block(size: sympy.Expr) -> Callable[[Builder, Value], Value]:
        return lambda build, x: relu(build, relu(build, x, shape=(2 * size, 4)), shape=(size, 4))

    graph = encoder(3, batch=batch)
    assert repeats(graph).equal(scope(graph, "layers.0"), scope(graph, "layers.2"))
    assert pair(
        lambda b, x: relu(b, block(batch)(b, x), shape=(2, 4)), lambda b, x: relu(b, block(same)(b, x), shape=(2, 4))
    )
    assert not pair(
        lambda b, x: relu(b, block(batch)(b, x), shape=(2, 4)),
        lambda b, x: relu(b, block(batch + 1)(b, x), shape=(2, 4)),
    )


def test_parts_correspond_by_position() -> None:
    graph = encoder(3)
    found = repeats(graph)
    first, last = scope(graph, "layers.0"), scope(graph, "layers.2")
    assert [(one.name, other.name) for one, other in found.corresponding_nodes(last, first)] == [
        ("linear_5", "linear_1"),
        ("gelu_2", "gelu"),
        ("linear_6", "linear_2"),
        ("add_2", "add"),
    ]
    assert [(one.name, other.name) for one, other in found.corresponding_values(last, first)][-1] == ("add_2", "add")
    assert [value.name for value in found.reads(last)] == ["add_1", "layers.2.mlp.0.weight", "layers.2.mlp.2.weight"]
    with pytest.raises(GraphError, match=r"'layers' and 'head' are not the same"):
        found.corresponding_nodes(scope(graph, "layers"), scope(graph, "head"))


def test_a_scope_that_is_left_and_entered_again_is_no_one_computation() -> None:
    build = Builder()
    x = build.input("x", 2, 4)
    for i in range(2):
        for name in ("convs", "norms"):
            with build.module(name, "ModuleList"), build.module(str(i), name):
                x = build.op(name, x)
    graph = build.graph(x)
    found = repeats(graph)
    assert found.fingerprint(scope(graph, "convs")) is None
    assert found.equal(scope(graph, "convs.0"), scope(graph, "convs.1"))
    assert not found.equal(scope(graph, "convs"), scope(graph, "norms"))
    assert found.equal(scope(graph, "convs"), scope(graph, "convs"))
    with pytest.raises(GraphError, match="'convs'"):
        found.nodes(scope(graph, "convs"))


def test_an_empty_graph_has_one_scope() -> None:
    build = Builder()
    found = repeats(build.graph(build.input("x", 1)))
    assert found.nodes(()) == ()
    assert found.groups() == ()


def test_work_grows_with_the_nodes_and_no_faster() -> None:
    few, many = encoder(50), encoder(400)
    assert max(map(len, repeats(many).groups())) == 801  # two linears a layer and the one before them
    assert lines_run(lambda: repeats(many)) < 10 * lines_run(lambda: repeats(few))  # squared, it would be 64 times
