"""Building graphs by hand: what is built obeys the rules of the IR, and a step that breaks one is refused at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fxviz import Category, Facts, Flops, GraphError, Memory
from fxviz.ir import GraphBuilder, Node, Role, Storage, TensorType, Value
from fxviz.ir.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable

VECTOR = TensorType((4,), "float32")  # 16 bytes


def test_a_graph_of_two_layers() -> None:
    """2 · 2·8·8 FLOPs for two matrix products of a 2×8 matrix with an 8×8 matrix: 2·8·8·2 each, twice."""
    build = GraphBuilder("net")
    x = y = build.input("x", TensorType((2, 8), "float32"))
    for i in range(2):
        with build.module(f"{i}", "Linear"):
            weight = build.parameter("weight", TensorType((8, 8), "float32"))
            y = build.op("linear", {"input": y, "weight": weight})
    graph = build.finish(y)
    graph.verify()
    assert graph.inputs == (x,)
    assert [value.name for value in graph.parameters] == ["0.weight", "1.weight"]
    assert [node.name for node in graph.nodes] == ["linear", "linear_1"]
    assert graph.output_names == ("output",)
    assert Facts(graph)[Flops()].total == 2 * (2 * 2 * 8 * 8)


def test_memory_lives_from_the_first_write_to_the_last_read() -> None:
    build = GraphBuilder()
    x = build.input("x", VECTOR)
    a = build.op("exp", {"self": x})  # step 0
    b = build.op("view", {"self": a}, shares=a)  # step 1, on the memory of a
    with build.node("norm", {"self": b}) as node:
        squared = node.kernel("aten.square.default", {"self": b})  # step 2, the last to read the memory of a
        total = node.kernel("aten.sum.default", {"self": squared}, TensorType((), "float32"), returned=True)  # step 3
    graph = build.finish(total)
    graph.verify()
    lifetimes = [(storage.category, storage.born, storage.died) for storage in graph.storages]
    assert lifetimes == [
        (Category.INPUT, -1, None),
        (Category.ACTIVATION, 0, 3),
        (Category.TEMPORARY, 2, 4),
        (Category.ACTIVATION, 3, None),
    ]
    assert [value.name for kernel in graph.kernels for value in kernel.outputs] == ["exp", "view", "norm:0", "norm"]
    assert Facts(graph)[Memory()].peak == 16 + 16 + 16  # at step 2: x, a, squared


def test_several_outputs_are_numbered() -> None:
    build = GraphBuilder()
    x = build.input("x", VECTOR)
    with build.node("split", {"self": x}, outputs=2) as node:
        halves = [node.kernel("aten.slice.Tensor", {"self": x}, shares=x, returned=True) for _ in range(2)]
    graph = build.finish(*halves)
    graph.verify()
    assert [value.name for value in graph.outputs] == ["split.0", "split.1"]
    assert graph.output_names == ("output.0", "output.1")
    assert len(graph.storages) == 1


def test_calls_are_counted_and_their_parameters_are_shared() -> None:
    build = GraphBuilder()
    x = build.input("x", VECTOR)
    for _ in range(2):
        with build.module("norm", "Norm"):
            x = build.op("mul", {"self": x, "other": build.parameter("weight", VECTOR)})
    graph = build.finish(x)
    assert [node.scope[0].index for node in graph.nodes] == [0, 1]
    assert len(graph.parameters) == 1


def test_names_of_values_and_operations_are_kept_apart() -> None:
    build = GraphBuilder()
    x = build.input("relu", VECTOR)
    y = build.op("relu", {"self": x})
    assert (x.name, y.name) == ("relu", "relu_1")
    build.finish(y).verify()


def test_values_and_nodes_from_elsewhere_keep_their_storages() -> None:
    build = GraphBuilder()
    kept = Storage(16, Category.SAVED, born=0, died=1)
    unseen = build.add_storage(Storage(1, Category.TEMPORARY, born=0, died=1))
    x = build.declare(Value("x", VECTOR, Role.INPUT))
    y = Value("y", VECTOR, storage=kept)
    node = build.append(Node("relu", (x,), (y,), ("self",), name="relu"))
    graph = build.finish(y, mode="record")
    assert graph.nodes == (node,)
    assert graph.storages == (unseen, kept)
    assert (kept.category, kept.died) == (Category.SAVED, 1)
    assert x in build
    assert Value("x", VECTOR, Role.INPUT) not in build


REFUSED: dict[str, tuple[Callable[[GraphBuilder, Value], object], str]] = {
    "a value from nowhere": (
        lambda b, x: b.op("relu", {"self": Value("z", VECTOR)}),
        "reads %z: .* not defined before",
    ),
    "an output from nowhere": (lambda b, x: b.finish(Value("z", VECTOR)), "output %z: .* is not defined before"),
    "an input added twice": (lambda b, x: b.declare(x), "%x: .* stands twice"),
    "two inputs of one name": (lambda b, x: b.input("x", VECTOR), "graph 'tiny' has a second value of the name 'x'"),
    "a parameter of two types": (
        lambda b, x: [b.parameter("w", VECTOR), b.parameter("w", replace(VECTOR, dtype="int8"))],
        r"the parameter 'w' of graph 'tiny' is float32\[4\], and was added as int8\[4\]",
    ),
    "a result without a node": (lambda b, x: b.declare(Value("y", VECTOR)), "%y: .* is a result: a node makes it"),
    "two nodes of one name": (
        lambda b, x: [b.append(Node("a", (), (), name="a")), b.append(Node("a", (), (), name="a"))],
        "node 'a' .* needs a name of its own",
    ),
    "a value that is defined twice": (lambda b, x: b.append(Node("a", (), (x,), name="a")), "defines %x: .* already"),
    "names of other outputs": (lambda b, x: b.finish(x, output_names=["a", "b"]), "has 1 outputs and 2 names"),
    "a step after the last": (lambda b, x: [b.finish(x), b.op("relu", {"self": x})], "graph 'tiny' is finished"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_step_that_breaks_a_rule_is_refused(what: str) -> None:
    step, message = REFUSED[what]
    build = GraphBuilder("tiny")
    x = build.input("x", VECTOR)
    with pytest.raises(GraphError, match=message):
        step(build, x)


def test_names_take_the_first_free_alternative() -> None:
    primed = Names(lambda wanted, times: wanted + "′" * times, taken=["fc", "fc′"])
    assert [primed("fc"), primed("fc"), primed("conv")] == ["fc′′", "fc′′′", "conv"]
