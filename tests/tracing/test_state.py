"""A model, its inputs and the process are left exactly as they were found."""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fxviz.errors import TraceError
from fxviz.tracing import trace


class Careless(nn.Module):
    """Does to itself what models do: caches, counts, rewrites buffers, draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("count", torch.zeros(1))
        self.history: list[torch.Tensor] = []
        self.calls = 0
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        self.calls += 1
        self.cached = x * 2
        self.history.append(self.cached)
        self.register_buffer("late", x)
        random.random(), np.random.rand(), torch.rand(1)
        self.train(not self.training)
        x = self.norm(x)
        if self.fail:
            raise ValueError("no <more>")
        return x


def snapshot(model: nn.Module) -> dict[str, Any]:
    return {
        "attributes": {name: {k: id(v) for k, v in vars(m).items()} for name, m in model.named_modules()},
        "parameters": {name: (id(p), p.clone(), p.requires_grad, p.grad) for name, p in model.named_parameters()},
        "buffers": {name: (id(b), b.clone()) for name, b in model.named_buffers()},
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "training": [m.training for m in model.modules()],
    }


@pytest.mark.parametrize("mode", ["record", "eager", "symbolic", "export"])
@pytest.mark.parametrize("fail", [False, True])
def test_the_model_is_as_it_was(mode: str, fail: bool) -> None:
    model = Careless()
    model.fail = fail
    before = snapshot(model)
    state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    x = torch.ones(2, 3)
    try:
        trace(model, x, mode=mode)
    except TraceError:
        assert fail or mode in ("symbolic", "export")
    after = snapshot(model)
    assert before["attributes"] == after["attributes"]
    assert before["training"] == after["training"]
    assert before["hooks"] == after["hooks"] == [0, 0]
    for kind in ("parameters", "buffers"):
        assert before[kind].keys() == after[kind].keys()
        for name, (identity, data, *rest) in before[kind].items():
            assert identity == after[kind][name][0]
            assert torch.equal(data, after[kind][name][1])
            assert rest == list(after[kind][name][2:])
    assert model.history == []
    assert torch.equal(x, torch.ones(2, 3))
    assert torch.equal(state[0], torch.get_rng_state())
    assert state[1] == random.getstate()
    assert (state[2] == np.random.get_state()[1]).all()
    assert torch.is_grad_enabled()


def test_inputs_are_not_written_to() -> None:
    x = torch.ones(3)
    for mode in ("record", "eager"):
        trace(lambda x: x.mul_(5), (x,), mode=mode)  # type: ignore[arg-type]
    assert torch.equal(x, torch.ones(3))


def test_weights_are_not_read_or_copied() -> None:
    """A model whose weights would take 4 TB is traced: nothing of that size is ever made."""
    with torch.device("meta"):
        model = nn.Linear(1_000_000, 1_000_000, bias=False)
    graph = trace(model, torch.empty(1, 1_000_000, device="meta"))
    assert graph.parameters[0].storage.nbytes == 4 * 10**12


def test_hooks_of_the_user_still_run_and_are_kept() -> None:
    seen: list[str] = []
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model[0].register_forward_hook(lambda module, args, result: seen.append("hook"))
    trace(model, torch.empty(1, 2))
    assert seen == ["hook"]
    assert len(model[0]._forward_hooks) == 1


def test_a_keyboard_interrupt_passes_and_cleans_up() -> None:
    class Interrupted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.linear(x)
            raise KeyboardInterrupt

    model = Interrupted()
    weight = model.linear.weight
    with pytest.raises(KeyboardInterrupt):
        trace(model, torch.empty(1, 2))
    assert model.linear.weight is weight
    assert not model.linear._forward_hooks


def test_a_cache_of_the_process_is_not_left_with_tensors_of_the_run() -> None:
    @functools.lru_cache
    def table(n: int) -> torch.Tensor:
        return torch.arange(float(n))

    @functools.cache
    def pair(n: int) -> tuple[torch.Tensor, int]:
        return torch.ones(n), n

    def model(x: torch.Tensor) -> torch.Tensor:
        return x + table(x.shape[0]) + pair(x.shape[0])[0]

    table(7)
    graphs = [trace(model, torch.empty(3)) for _ in range(2)]
    assert [[node.op for node in graph.nodes] for graph in graphs] == [["arange", "add", "ones", "add"]] * 2
    assert type(model(torch.zeros(3))) is torch.Tensor
    assert torch.equal(model(torch.zeros(3)), torch.tensor([1.0, 2.0, 3.0]))


def test_after_a_failure_caches_are_clean_too() -> None:
    @functools.lru_cache
    def table(n: int) -> torch.Tensor:
        return torch.arange(float(n))

    def model(x: torch.Tensor) -> torch.Tensor:
        raise ValueError(str(table(3).shape))

    with pytest.raises(TraceError):
        trace(model, torch.empty(3))
    assert type(table(3)) is torch.Tensor
