"""Each rule of the IR, broken once: the error names the node and the value."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
import sympy
from build import Builder, encoder
from hypothesis import given, settings
from strategies import graphs

from fxviz.errors import GraphError
from fxviz.ir import Call, Category, Graph, Kernel, Node, Role, Storage, TensorType, Value

if TYPE_CHECKING:
    from collections.abc import Callable

B = sympy.Symbol("B", integer=True, positive=True)


def two_linears() -> Graph:
    """x -> linear (two kernels, ``linear:0`` between them) -> relu."""
    build = Builder("tiny")
    x = build.input("x", B, 4)
    with build.module("fc", "Linear"):
        weight = build.parameter("weight", 4, 4)
        with build.node("linear", x, weight) as node:
            turned = node.kernel("aten.t.default", weight, view=True)
            y = node.kernel("aten.mm.default", x, turned, returned=True)
    return build.graph(build.op("relu", y))


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_sound_graphs_pass(graph: Graph) -> None:
    graph.verify()


def with_node(graph: Graph, index: int, **changes: object) -> Graph:
    nodes = list(graph.nodes)
    nodes[index] = replace(nodes[index], **changes)  # type: ignore[arg-type]
    return replace(graph, nodes=tuple(nodes))


def with_kernel(graph: Graph, node: int, index: int, **changes: object) -> Graph:
    kernels = list(graph.nodes[node].kernels)
    kernels[index] = replace(kernels[index], **changes)  # type: ignore[arg-type]
    return with_node(graph, node, kernels=tuple(kernels))


def with_storage(graph: Graph, old: Storage, **changes: object) -> Graph:
    """The graph in which ``old`` has other fields, on the same value objects."""
    for name, value in changes.items():
        object.__setattr__(old, name, value)
    return graph


def with_input(graph: Graph, **changes: object) -> Graph:
    """The graph with another value in the place of its input, everywhere."""
    old, new = graph.inputs[0], replace(graph.inputs[0], **changes)  # type: ignore[arg-type]

    def swapped(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(new if value is old else value for value in values)

    def swap(operation: Node | Kernel) -> Node | Kernel:
        if isinstance(operation, Node):
            operation = replace(operation, kernels=tuple(map(swap, operation.kernels)))  # type: ignore[arg-type]
        return replace(operation, inputs=swapped(operation.inputs))

    return replace(graph, inputs=swapped(graph.inputs), nodes=tuple(map(swap, graph.nodes)))  # type: ignore[arg-type]


X = TensorType((2,), "float32")

BREAKAGES: dict[str, tuple[Callable[[Graph], Graph], str]] = {
    # places
    "an input of another role": (lambda g: with_input(g, role=Role.BUFFER), r"input %x: .* has the role 'buffer'"),
    "a parameter of another role": (
        lambda g: replace(g, parameters=(*g.parameters, Value("p", X, Role.INPUT))),
        "parameter %p: .* has the role 'input'",
    ),
    "a constant of another role": (
        lambda g: replace(g, constants=(Value("c", X),)),
        "constant %c: .* has the role 'result'",
    ),
    "a result of another role": (
        lambda g: with_node(g, 1, outputs=(Value("c", X, Role.CONSTANT),)),
        "node 'relu' makes %c: .* 'constant' and not 'result'",
    ),
    "too few output names": (lambda g: replace(g, output_names=("a", "b")), "1 outputs but 2 output names"),
    "an alias to nowhere": (lambda g: replace(g, aliases={"a": "b"}), "alias 'a' points to 'b'"),
    "an alias that is a parameter": (
        lambda g: replace(g, aliases={"fc.weight": "fc.weight"}),
        "alias 'fc.weight' is also the name of a parameter",
    ),
    # flow
    "an input given twice": (lambda g: replace(g, inputs=g.inputs * 2), "%x: .* stands twice among the inputs"),
    "a node that reads what comes later": (
        lambda g: replace(g, nodes=g.nodes[::-1]),
        "node 'relu' reads %linear: .*, which is not defined before",
    ),
    "a node that reads what is inside another": (
        lambda g: with_node(g, 1, inputs=g.nodes[0].kernels[0].outputs),
        "node 'relu' reads %linear:0: .*, which is not an output of the node that makes it",
    ),
    "a kernel that reads what is inside another node": (
        lambda g: with_kernel(g, 1, 0, inputs=g.nodes[0].kernels[0].outputs),
        "kernel aten.relu.default of node 'relu' reads %linear:0",
    ),
    "a kernel that defines a value again": (
        lambda g: with_kernel(g, 1, 0, outputs=g.nodes[0].outputs),
        "kernel aten.relu.default of node 'relu' defines %linear: .* already defined",
    ),
    "a node that defines a value again": (
        lambda g: with_node(g, 1, outputs=g.nodes[0].outputs),
        "node 'relu' defines %linear: .* already defined",
    ),
    "a node that returns what is inside another": (
        lambda g: with_node(g, 1, outputs=g.nodes[0].kernels[0].outputs),
        "node 'relu' defines %linear:0: .* already defined",
    ),
    "a node that has one output twice": (
        lambda g: with_node(g, 1, outputs=g.nodes[1].outputs * 2),
        "node 'relu' defines %relu: .* already defined",
    ),
    "an output from nowhere": (lambda g: replace(g, outputs=(Value("y", X),)), "output %y: .* is not defined"),
    "an output from inside a node": (
        lambda g: replace(g, outputs=g.nodes[0].kernels[0].outputs),
        "output %linear:0: .* is not an output of the node",
    ),
    # names
    "two values of one name": (
        lambda g: with_input(g, name="relu"),
        "node 'relu' has a second value of the name 'relu'",
    ),
    "a value without a name": (lambda g: with_input(g, name=""), "graph 'tiny' has a value without a name"),
    "two nodes of one name": (lambda g: with_node(g, 1, name="linear"), "node 'linear' .* needs a name of its own"),
    "a node without a name": (lambda g: with_node(g, 1, name=""), r"node '' \(relu\) needs a name"),
    # types
    "an unknown dtype": (
        lambda g: with_input(g, type=TensorType((2,), "float33")),
        "%x: .* has the unknown dtype 'float33'",
    ),
    "a negative extent": (lambda g: with_input(g, type=TensorType((-2,), "float32")), "%x: .* has the extent -2"),
    "an extent that is no number": (
        lambda g: with_input(g, type=TensorType((True,), "float32")),
        "has the extent True",
    ),
    "an int dressed as an expression": (
        lambda g: with_input(g, type=TensorType((sympy.Integer(2),), "float32")),
        "has the extent 2; an extent is an int",
    ),
    # storages
    "a storage that is not listed": (
        lambda g: with_input(g, storage=Storage(1, Category.INPUT)),
        "%x: .* whose storage is not listed",
    ),
    "a storage listed twice": (lambda g: replace(g, storages=g.storages * 2), "graph 'tiny' lists a storage twice"),
    "a negative size": (lambda g: with_storage(g, g.storages[0], nbytes=-1), "storage 0 has the size -1"),
    "born before the run": (lambda g: with_storage(g, g.storages[0], born=-2), "storage 0 is born at step -2"),
    "born after the run": (
        lambda g: with_storage(g, g.storages[0], born=3),
        "storage 0 is born at step 3 of a run of 3 kernels",
    ),
    "gone before it is born": (lambda g: with_storage(g, g.storages[-1], died=1), "is born at step 2 and dies at 1"),
    "gone after the run": (lambda g: with_storage(g, g.storages[0], died=4), "dies at 4 of a run of 3 kernels"),
    "read when it is gone": (
        lambda g: with_storage(g, g.nodes[0].outputs[0].storage, died=2),
        r"kernel aten.relu.default \(step 2\) of node 'relu' reads %linear: .* freed before step 2",
    ),
    "written before it is there": (
        lambda g: with_storage(g, g.nodes[0].outputs[0].storage, born=2),
        r"kernel aten.mm.default \(step 1\) of node 'linear' makes %linear: .* born at step 2",
    ),
    # operations
    "a node without an operator": (lambda g: with_node(g, 0, op=""), "node 'linear' has no operator"),
    "too few input names": (
        lambda g: with_node(g, 0, input_names=("input",)),
        "node 'linear' has 2 inputs but 1 input names",
    ),
    "too few input names of a kernel": (
        lambda g: with_kernel(g, 0, 1, input_names=()),
        "kernel aten.mm.default of node 'linear' has 2 inputs but 0 input names",
    ),
    "an attribute of another type": (
        lambda g: with_node(g, 0, attributes={"p": [1]}),
        r"node 'linear' has the attribute 'p' = \[1\]",
    ),
    "an attribute in an attribute": (
        lambda g: with_kernel(g, 0, 0, attributes={"p": (1, MappingProxyType({"a": {1}}))}),
        "kernel aten.t.default of node 'linear' has the attribute 'p'",
    ),
    "a mapping with other keys": (
        lambda g: with_node(g, 0, attributes={"p": {1: 2}}),
        "node 'linear' has the attribute 'p'",
    ),
    # scopes
    "a call inside itself": (
        lambda g: with_node(g, 0, scope=g.nodes[0].scope * 2),
        "node 'linear' stands in 'fc', a call inside itself",
    ),
    "a call without a path": (
        lambda g: with_node(g, 0, scope=(Call("", "Linear"),)),
        "node 'linear' stands in .* a call has a path",
    ),
    "a call before the first": (lambda g: with_node(g, 0, scope=(Call("fc", "Linear", -1),)), "index from 0"),
    "one module of two classes": (
        lambda g: with_node(g, 1, scope=(Call("fc", "ReLU"),)),
        "node 'relu' stands in 'fc' of class 'ReLU', which was 'Linear' before",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_each_breakage_is_caught(name: str) -> None:
    break_it, message = BREAKAGES[name]
    two_linears().verify()
    with pytest.raises(GraphError, match=message):
        break_it(two_linears()).verify()


def test_what_is_allowed() -> None:
    """A repeated call of one module, recursion, views, graphs without kernels, and values without types."""
    build = Builder()
    x = build.input("x", 2)
    with build.module("a", "A"):
        x = build.op("relu", x)
        with build.module("b", "B"), build.module("c", "C"):
            x = build.op("relu_", x)
    with build.module("a", "A"):
        x = build.op("view", x, view=True)
    build.graph(x).verify()
    given = Value("x", None, Role.INPUT)
    Graph("nothing", (given,), (), (), (given,)).verify()
    encoder(3, batch=B).verify()
