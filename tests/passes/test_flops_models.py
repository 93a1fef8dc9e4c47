"""Models that everyone knows cost what their derivations say: on every device, with and without gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_map_only
from zoo_models import MODELS

from fxviz import Facts, Flops, trace

if TYPE_CHECKING:
    from zoo import Example

    from fxviz import FlopCounts

pytestmark = pytest.mark.filterwarnings("ignore")  # what transformers says of kernels that are not installed


def build(name: str, device: str) -> Example:
    pytest.importorskip("torchvision")
    pytest.importorskip("transformers")
    with torch.device(device):
        return MODELS[name]()


def count(model: Any, args: Any, kwargs: Any, *, grad: bool) -> FlopCounts:
    with torch.set_grad_enabled(grad):
        return Facts(trace(model, args, kwargs))[Flops()]


def check(counts: FlopCounts, example: Example) -> None:
    assert counts.matrix.total + counts.ops.total == example.matrix
    assert counts.unknown == {}


@pytest.mark.parametrize("grad", [False, True], ids=["no_grad", "grad"])
@pytest.mark.parametrize("device", ["meta", pytest.param("cpu", marks=pytest.mark.zoo)])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_costs_what_its_derivation_says(name: str, device: str, grad: bool) -> None:
    example = build(name, device)
    check(count(example.model, example.args, dict(example.kwargs), grad=grad), example)


@pytest.mark.parametrize("name", MODELS)
def test_it_costs_the_same_on_a_cuda_device_that_is_not_there(name: str) -> None:
    example = build(name, "meta")
    counts = Facts(trace(example.model, example.args, dict(example.kwargs), device="cuda"))[Flops()]
    assert {value.type.device for value in counts.graph.outputs if value.type} == {"cuda:0"}
    check(counts, example)


@pytest.mark.parametrize("name", ["ResNet-50", "LSTM", "TransformerEncoder"])
def test_it_costs_the_same_on_fake_cuda_tensors(name: str) -> None:
    """Such as a user brings along."""
    example = build(name, "meta")
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = example.model.to_empty(device="cuda")
        inputs = (example.args, dict(example.kwargs))
        args, kwargs = tree_map_only(torch.Tensor, lambda tensor: torch.empty_like(tensor, device="cuda"), inputs)
    check(Facts(trace(model, args, kwargs))[Flops()], example)
