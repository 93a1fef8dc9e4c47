"""What tests of views share: numbers to show, and hand-made modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from build import Builder

from fxviz.analysis.facts import Facts, Tally
from fxviz.ir import Graph, Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Elements:
    """The elements of every output: a number that equal computations share."""

    unit: str = "FLOPs"

    def run(self, facts: Facts) -> Tally:
        return Tally(
            "elements", {n: n.outputs[0].type.numel for n in facts.graph.nodes if n.outputs[0].type}, self.unit
        )


@dataclass(frozen=True)
class Ordinals:
    """A different number for every node."""

    def run(self, facts: Facts) -> Tally:
        return Tally("ordinals", {node: 2**i for i, node in enumerate(facts.graph.nodes)})


def block(build: Builder, name: str, x: Value, *more: Value) -> Value:
    with build.module(name, "Block"):
        return build.op("relu", build.op("add", x, *more) if more else build.op("neg", x))


def layers(*ops: str, reads: Callable[[list[Value], int], Value] = lambda made, i: made[-1]) -> Graph:
    """A stack of layers that differ in one operation, each with a residual."""
    build = Builder("layers")
    made = [build.input("x", 1, 4)]
    for i, op in enumerate(ops):
        with build.module("layers", "ModuleList"), build.module(str(i), op.title()):
            made.append(build.op("add", made[-1], build.op(op, reads(made, i))))
    return build.graph(build.op("exp", made[-1]))


def idle(build: Builder, op: str, x: Value) -> Value:
    """An operation that did nothing, such as dropout in inference: the tensor that went in, by another name."""
    name = build.build.fresh_name(op)
    same = Value(name, x.type, storage=x.storage)
    build.build.append(Node(op, (x,), (same,), ("input",), name=name, scope=build.build.scope))
    return same
