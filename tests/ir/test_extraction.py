"""One module as a graph of its own: its costs are those that it has in the whole."""

from __future__ import annotations

import pytest
import torch
from build import encoder
from torch import nn

from fxviz import Facts, Flops, Graph, InputError, Memory, Parameters, Role, format_scope, load, trace
from fxviz.ir.extraction import extract

GRAPH = encoder(3)


class Skip(nn.Module):
    """Reads two results of others; its own is read by two."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.merge = Merge()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.first(x), self.second(x)
        merged = self.merge(a, b)
        return self.last(merged) + merged.sum()


class Merge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.mix(a) * b


SKIP = trace(Skip(), torch.zeros(3, 8))


@pytest.mark.parametrize("graph", [GRAPH, SKIP], ids=["encoder", "skip"])
def test_every_module_is_a_graph_whose_costs_are_its_share(graph: Graph) -> None:
    facts = Facts(graph)
    for scope in graph.scopes[1:]:
        alone = extract(graph, format_scope(scope))
        alone.verify()
        assert [node.op for node in alone.nodes] == [node.op for node in graph.nodes_within[scope]]
        assert alone.name == scope[-1].kind
        assert Facts(alone)[Flops()].total == facts[Flops()].at(scope)
        assert Facts(alone)[Parameters()].total == (facts[Parameters()].at(scope) or 0)


def test_what_comes_from_outside_is_an_input_and_what_goes_there_an_output() -> None:
    alone = extract(SKIP, "merge")
    assert [(value.role, str(value.type)) for value in alone.inputs] == [(Role.INPUT, "float32[3, 8]")] * 2
    assert [value.name for value in alone.parameters] == ["merge.mix.weight", "merge.mix.bias"]
    assert len(alone.outputs) == 1
    assert [node.scope[0].path if node.scope else "" for node in alone.nodes] == ["merge.mix", ""]


def test_memory_is_of_the_module_alone() -> None:
    """Two inputs and two results of 3·8 numbers, and the 8·8 + 8 of the linear layer, all alive at the product."""
    memory = Facts(extract(SKIP, "merge"))[Memory()]
    assert memory.peak == 4 * (4 * 3 * 8 + 8 * 8 + 8)


def test_it_is_written_and_read(tmp_path: object) -> None:
    alone = extract(GRAPH, "layers.1")
    alone.save(path := f"{tmp_path}/alone.json")
    assert str(load(path)) == str(alone)


def test_a_path_in_which_nothing_ran() -> None:
    with pytest.raises(InputError, match=r"no operation of .* ran in a module 'layer.1'; did you mean layers.1"):
        extract(GRAPH, "layer.1")
