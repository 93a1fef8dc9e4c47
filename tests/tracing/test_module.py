"""`graph.module`: a runnable torch.fx.GraphModule whose outputs equal the model's."""

from __future__ import annotations

import enum
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import fx, nn
from torch.utils._pytree import tree_leaves

from fxviz.errors import GraphError
from fxviz.tracing import trace
from fxviz.tracing.structure import leaves

if TYPE_CHECKING:
    from collections.abc import Callable


def assert_same_results(model: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> fx.GraphModule:
    kwargs = kwargs or {}
    module = trace(model, args, kwargs).module
    results = []
    for run in (model, module):
        torch.manual_seed(0)
        with torch.no_grad():
            results.append([tensor for _, tensor in leaves(run(*args, **kwargs))])
    assert len(results[0]) == len(results[1]) > 0
    for expected, got in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    return module


@pytest.mark.parametrize(
    "name",
    ["squeezenet1_1", *(pytest.param(n, marks=pytest.mark.zoo) for n in ("resnet18", "shufflenet_v2_x0_5", "swin_t"))],
)
def test_torchvision(name: str) -> None:
    module = assert_same_results(torchvision.models.get_model(name).eval(), (torch.randn(1, 3, 64, 64),))
    assert isinstance(module, fx.GraphModule)
    assert any(node.op == "call_module" for node in module.graph.nodes)


@pytest.mark.parametrize("name", ["test_convnext", "test_vit", "test_nfnet", "test_efficientnet"])
def test_timm(name: str) -> None:
    assert_same_results(timm.create_model(name).eval(), (torch.randn(1, 3, 160, 160),))


def test_transformers_with_caches_and_dataclass_results() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5Model

    gpt2 = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=50)).eval()
    ids = torch.randint(0, 50, (2, 7))
    module = assert_same_results(gpt2, (), {"input_ids": ids})
    result = module(input_ids=ids)
    assert type(result) is type(gpt2(ids))
    assert result.past_key_values.layers[1].keys.shape == (2, 2, 7, 8)
    t5 = T5Model(T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2, vocab_size=50)).eval()
    assert_same_results(t5, (), {"input_ids": ids, "decoder_input_ids": ids[:, :3]})


def test_random_numbers_are_drawn_in_the_same_order() -> None:
    assert_same_results(
        nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 4), nn.Dropout()), (torch.randn(2, 4),)
    )


def test_writes_views_and_attributes() -> None:
    def model(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.clone()
        x[:, 0] = 1
        x[:, 1:].mul_(3)
        values, indices = x.max(dim=1)
        return (1 - x.T @ x.mT.mT) / 2, values + indices

    assert_same_results(model, (torch.randn(3, 4),))


def test_under_autocast_the_casts_are_in_the_graph() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y = self.linear(x)
            return y.float() + self.linear(x)

    assert_same_results(Mixed(), (torch.randn(2, 4),))


def test_under_vmap_the_batched_kernels_are_in_the_graph() -> None:
    assert_same_results(
        lambda x, y: torch.vmap(lambda a, b: (a * b).sum())(x, y) + 1, (torch.randn(3, 4), torch.randn(3, 4))
    )


def test_symbolic_sizes_are_computed_from_the_inputs() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0] * x.shape[1], -1)[: x.shape[0] // 2] + torch.arange(x.shape[2])

    graph = trace(model, torch.empty(6, 7, 8), dynamic_shapes={"x": {0: "B", 1: "S", 2: "D"}})
    x = torch.randn(10, 3, 5)
    torch.testing.assert_close(graph.module(x), model(x))


def test_the_weights_are_the_models_own() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    module = trace(model, torch.empty(1, 3)).module
    assert module.get_parameter("0.weight") is model[0].weight


def test_what_fx_cannot_hold_is_said() -> None:
    graph = trace(lambda x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,)), torch.empty(3))
    with pytest.raises(GraphError, match="cond"):
        _ = graph.module


class _Half(enum.IntEnum):
    TWO = 2


class _Pair(NamedTuple):
    left: Any
    right: Any


WRITTEN: dict[str, Callable[[torch.Tensor], Any]] = {
    "x ** 2": lambda x: x**2,
    "2 ** x": lambda x: 2**x,
    "x // 2": lambda x: x // 2,
    "2 // x": lambda x: 2 // x,
    "2 - x": lambda x: 2 - x,
    "2 / x": lambda x: 2 / x,
    "7 % x": lambda x: 7 % x,
    "x @ x": lambda x: x @ x,
    "~x": lambda x: ~(x > 1),
    "x **= 2": lambda x: operator.ipow(x.clone(), 2),
    "x //= 2": lambda x: operator.ifloordiv(x.clone(), 2),
    "reversed": lambda x: reversed(x),
    "NumPy's float64": lambda x: x * np.sqrt(4),
    "NumPy's float32": lambda x: x * np.float32(2),
    "NumPy's int64": lambda x: x.mean(np.int64(0)),
    "a member of an enumeration": lambda x: x * _Half.TWO,
    "a named tuple in a dict": lambda x: {"p": _Pair(x + 1, x)},
    "a named tuple in a list": lambda x: [_Pair(x, [x * 2])],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_authors_write_is_run_again(name: str) -> None:
    function, x = WRITTEN[name], torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    results = [tree_leaves(run(x.clone())) for run in (function, trace(function, x).module)]
    assert all(map(torch.equal, *results))
