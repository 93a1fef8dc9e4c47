"""A call that returns its argument takes over nobody else's readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from fxviz.tracing import trace, trace_training

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph

IDLE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "to": lambda x: x.to(torch.float32),
    "float": lambda x: x.float(),
    "contiguous": lambda x: x.contiguous(),
    "dropout": lambda x: functional.dropout(x, 0.5, training=False),
    "type_as": lambda x: x.type_as(x),
    "cpu": lambda x: x.cpu(),
}


class Residual(nn.Module):
    """Adds ``x`` to what is computed from an idle copy of it, twice, so that the second call is one that was seen before."""

    def __init__(self, idle: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.idle = idle
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(2):
            x = x.relu()
            h = self.idle(x)
            x = x + self.linear(h).neg()
        return x


def readers(graph: Graph, op: str) -> list[list[str]]:
    """The operations that read what each ``op`` returns."""
    return [
        [user.op for value in node.outputs for user in graph.users.get(value, ())]
        for node in graph.nodes
        if node.op.strip("_") == op
    ]


@pytest.mark.parametrize("name", IDLE)
@pytest.mark.parametrize("mode", ["record", "symbolic"])
def test_each_reads_what_it_was_given(mode: str, name: str) -> None:
    model, x = Residual(IDLE[name]), torch.randn(2, 4)
    graph = trace(model, (x,), mode=mode)
    graph.verify()
    assert readers(graph, name) == [["linear"]] * 2
    assert readers(graph, "relu") == [[name, "add"]] * 2
    assert torch.equal(graph.module(x), model(x))


@pytest.mark.parametrize("name", IDLE)
def test_with_symbolic_sizes_too(name: str) -> None:
    graph = trace(Residual(IDLE[name]), torch.randn(2, 4), dynamic_shapes={"x": {0: torch.export.Dim("B")}})
    graph.verify()
    assert readers(graph, name) == [["linear"]] * 2
    assert readers(graph, "relu") == [[name, "add"]] * 2


@pytest.mark.parametrize("name", IDLE)
def test_where_the_two_cannot_be_told_apart_the_argument_keeps_its_readers(name: str) -> None:
    model, x = Residual(IDLE[name]), torch.randn(2, 4)
    traced: list[Graph] = [trace(model, x, mode="eager"), trace_training(model, x, loss=lambda y: y.sum())]
    for graph in traced:
        graph.verify()
        assert readers(graph, name) == [[]] * 2
        forward = [[op for op in ops if op in (name, "linear", "add")] for ops in readers(graph, "relu")]
        assert forward == [[name, "linear", "add"]] * 2


def test_a_call_that_changes_its_argument_is_not_idle() -> None:
    def model(x: torch.Tensor) -> Any:
        y = x.relu()
        z = y.add_(1)
        return z * 2 + y

    graph = trace(model, torch.ones(3))
    assert readers(graph, "relu") == [["add_"]]
    assert readers(graph, "add")[0] == ["mul", "add"]


def test_a_write_is_seen_through_both_names() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        y = x.relu()
        same = y.contiguous()
        same.mul_(2)
        return y + 1

    graph = trace(model, torch.ones(3))
    graph.verify()
    assert readers(graph, "mul") == [["add"]]
