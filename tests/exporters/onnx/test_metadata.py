"""What an ONNX file says of operations beside what ONNX has: shares only where they are parts of a sum."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import sympy
from build import Builder

from fxviz.exporters.onnx.view.metadata import describe_scope, describe_weight, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Dim, Node, Scope

B = sympy.Symbol("B", integer=True, positive=True)


@dataclass(frozen=True, eq=False)
class Fixed:
    """A metric of one amount for every place but the whole, which has a total."""

    amount: Dim | None
    total: Dim | None
    unit: str = "FLOPs"
    label: str = "cost"
    unknown: Mapping[str, int] = field(default_factory=dict)

    def at(self, *places: Node | Scope) -> Dim | None:
        return self.total if places == ((),) else self.amount


def said(metric: Fixed) -> str | None:
    build = Builder()
    node = build.graph(build.op("relu", build.input("x", 2))).nodes[0]
    return measure([metric], node).get("cost")


@pytest.mark.parametrize(
    ("amount", "total", "share"),
    [
        (1, 8, ", 12.5 % of all"),
        (8, 8, ", 100.0 % of all"),  # all of it
        (0, 8, ""),  # nothing has no share
        (9, 8, ""),  # a part is not more than the whole
        (0, 0, ""),
        (4, None, ""),  # the whole is not known
        (4, 8 * B, ""),  # which share depends on B
        (4 * B, 8, ""),
    ],
)
def test_a_share_is_said_of_a_part_of_a_known_sum(amount: Dim, total: Dim | None, share: str) -> None:
    text = said(Fixed(amount, total))
    assert text is not None
    assert text.endswith(share or ("FLOPs" if isinstance(amount, int) else ")"))
    assert ("of all" in text) == bool(share)


def test_bytes_of_memory_are_no_parts_of_a_sum() -> None:
    assert said(Fixed(1, 8, unit="B")) == "1 B"
    assert said(Fixed(2, 8, unit="")) == "2, 25.0 % of all"


def test_what_was_not_counted_is_said_and_what_is_not_there_is_not() -> None:
    assert said(Fixed(None, 8)) is None
    assert said(Fixed(None, 8, unknown={"mylib.op": 1})) == "?"


def test_a_weight_that_does_not_train_is_frozen_and_a_buffer_never_is() -> None:
    build = Builder()
    roles = [
        describe_weight(build.parameter("w", 2)),
        describe_weight(build.parameter("f", 2, trainable=False)),
        describe_weight(build.buffer("b", 2)),
    ]
    assert [role["role"] for role in roles] == ["parameter", "frozen parameter", "buffer"]


def test_the_stack_is_said_where_there_is_more_than_the_module() -> None:
    build = Builder()
    x = build.input("x", 2)
    assert describe_scope(()) == {}
    with build.module("layers", "Stack"):
        build.op("relu", x)
        with build.module("0", "Block"):
            build.op("relu", x)
    outer, inner = (node.scope for node in build.graph(x).nodes)
    assert describe_scope(outer) == {"module": "layers: Stack"}
    assert describe_scope(inner) == {"module": "layers.0: Block", "stack": "layers: Stack\nlayers.0: Block"}
