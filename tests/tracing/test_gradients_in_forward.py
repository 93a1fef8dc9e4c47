"""A forward that takes gradients, and casts that autocast keeps: the graph obeys its own rules and is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from fxviz import Facts, Flops, Memory
from fxviz.ir.serialize import dumps, loads
from fxviz.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable

NET = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def force(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(NET(x).sum(), x)[0].neg()


def penalty(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        slope = torch.autograd.grad(NET(x).sum(), x, create_graph=True)[0]
        return (slope.norm(dim=1) - 1).square().mean()


def by_backward(x: torch.Tensor) -> torch.Tensor | None:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        NET(x).sum().backward()
        return x.grad


def by_function(x: torch.Tensor) -> torch.Tensor:
    return torch.func.grad(lambda v: NET(v).sum())(x)


def power(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad((x**2).sum(), x)[0]


def cast_once(x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu"):
        return NET[0](torch.cat([NET[0](x), x], dim=1)[:, :3])


@pytest.mark.parametrize("model", [force, penalty, by_backward, by_function, power, cast_once])
def test_the_graph_obeys_its_rules(model: Callable[[torch.Tensor], torch.Tensor]) -> None:
    graph = trace(model, torch.randn(5, 3))
    graph.verify()
    assert str(loads(dumps(graph))) == str(graph)
    assert Facts(graph)[Memory()].peak
    assert not Facts(graph)[Flops()].unknown


def test_the_matrix_work_of_a_force_is_forward_and_the_gradient_of_the_input() -> None:
    """Each linear once forward and once for its input: its weights need no gradient that is asked for."""
    forward = 2 * 5 * (3 * 8 + 8 * 1)
    assert Facts(trace(force, torch.randn(5, 3)))[Flops()].matrix.total == 2 * forward
