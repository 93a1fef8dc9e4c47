"""Activation checkpointing by paths is what a training script would do by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from fxviz import Facts, Flops, InputError, Memory, Phase, trace_training
from fxviz.models.checkpointing import checkpointed, matches


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(16, 64), nn.Linear(64, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.up(x).tanh())


class Net(nn.Module):
    def __init__(self, by_hand: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block() for _ in range(3))
        self.by_hand = by_hand

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = checkpoint(layer, x, use_reentrant=False) if self.by_hand else layer(x)
        return x


def step(model: nn.Module, *patterns: str) -> Facts:
    with checkpointed(model, patterns):
        return Facts(trace_training(model, torch.zeros(32, 16), loss=torch.mean))


def test_it_is_as_by_hand() -> None:
    by_path, by_hand = step(Net(), "layers.*"), step(Net(by_hand=True))
    assert by_path[Memory()].peak == by_hand[Memory()].peak
    assert by_path[Flops()].total == by_hand[Flops()].total
    assert [(node.op, node.scope, node.phase) for node in by_path.graph.nodes] == [
        (node.op, node.scope, node.phase) for node in by_hand.graph.nodes
    ]


def test_only_what_matches_is_computed_again() -> None:
    again = [node for node in step(Net(), "layers.1").graph.nodes if node.phase is Phase.RECOMPUTE]
    assert again
    assert {node.scope[2].path for node in again} == {"layers.1"}  # below the frames of backward and of the list
    assert not [node for node in step(Net()).graph.nodes if node.phase is Phase.RECOMPUTE]


def test_the_model_is_left_as_it_was() -> None:
    model = Net()
    model.layers[0].forward = model.layers[0].forward  # an instance may have a forward of its own
    before = [dict(vars(module)) for module in model.modules()]
    step(model, "layers.*")
    assert [dict(vars(module)) for module in model.modules()] == before


@pytest.mark.parametrize("pattern", ["layer.*", "layers", "", "layers.*.*.*"])
def test_a_pattern_that_matches_no_module_that_runs(pattern: str) -> None:
    with pytest.raises(InputError, match="no module of Net matches"):
        step(Net(), pattern)


def test_patterns_match_name_by_name() -> None:
    paths = [path for path, _ in Net().named_modules()]
    assert [path for path in paths if matches(path, "layers.[01].*")] == [
        f"layers.{index}.{name}" for index in (0, 1) for name in ("up", "down")
    ]
