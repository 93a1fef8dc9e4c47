"""Layers of torch.ao and packed weights: their integer work is that of the layers in floating point. What is nested is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.ao import quantization

from fxviz import Facts, Flops, TraceError, trace
from fxviz.ir import Kernel, TensorType, Value
from fxviz.ir.serialize import dumps, loads
from fxviz.passes.flops import flops_rules

if TYPE_CHECKING:
    from fxviz import Graph
    from fxviz.passes.flops import FlopCounts

pytestmark = pytest.mark.filterwarnings("ignore")  # torch.ao is to be moved to torchao


def dynamic(model: nn.Module, kind: type[nn.Module], dtype: Any = torch.qint8) -> nn.Module:
    return quantization.quantize_dynamic(nn.Sequential(model), {kind}, dtype=dtype)


def static(model: nn.Module, x: torch.Tensor) -> nn.Module:
    model = nn.Sequential(quantization.QuantStub(), model, quantization.DeQuantStub()).eval()
    model.qconfig = quantization.get_default_qconfig("x86")
    prepared = quantization.prepare(model)
    prepared(x)
    return quantization.convert(prepared)


def count(graph: Graph) -> FlopCounts:
    found = Facts(loads(dumps(graph)))[Flops()]  # what is counted on is saved with the graph
    assert not found.unknown
    return found


def work(model: nn.Module, *args: torch.Tensor) -> int:
    """The matrix work of the model in floating point."""
    return int(count(trace(model, args)).matrix.total)


def test_a_linear_layer_that_quantises_its_input() -> None:
    """2 · 5 · 8 · 16 OPs; of the input 7 each, of the output a bias and 2."""
    counts = count(trace(dynamic(nn.Linear(16, 8), nn.Linear), torch.randn(5, 16)))
    assert (counts.ops.total, counts.matrix.total) == (2 * 5 * 8 * 16, 0)
    assert counts.pointwise.total == 7 * 5 * 16 + 3 * 5 * 8


def test_in_half_precision_it_is_floating_point() -> None:
    counts = count(trace(dynamic(nn.Linear(16, 8), nn.Linear, torch.float16), torch.randn(5, 16)))
    assert (counts.ops.total, counts.matrix.total) == (0, 2 * 5 * 8 * 16)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers(kind: Any, layers: int, bidirectional: bool) -> None:
    make = lambda: kind(16, 8, num_layers=layers, bidirectional=bidirectional)  # noqa: E731
    x = torch.randn(5, 2, 16)
    counts = count(trace(dynamic(make(), kind), x))
    assert counts.ops.total == work(make().eval(), x)
    assert counts.matrix.total == 0


@pytest.mark.parametrize(
    ("layer", "extents"),
    [
        (nn.Conv2d(4, 6, 3, groups=2, stride=2), (2, 4, 9, 9)),
        (nn.Conv1d(4, 6, 3), (2, 4, 9)),
        (nn.Linear(9, 5), (2, 4, 9)),
        (nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU()), (2, 4, 9, 9)),
    ],
    ids=["conv2d in groups", "conv1d", "linear", "conv2d and relu"],
)
def test_layers_on_integers(layer: nn.Module, extents: tuple[int, ...]) -> None:
    x = torch.randn(extents)
    expected = work(layer.eval(), x)
    counts = count(trace(static(layer, x), x))
    assert (counts.ops.total, counts.matrix.total) == (expected, 0)


def test_a_convolution_whose_weight_is_not_told_is_unknown() -> None:
    x = Value("x", TensorType((1, 4, 8, 8), "quint8"))
    kernel = Kernel("quantized.conv2d.new", (x,), (x,), ("qx",), {"packed_weight": "ScriptObject"})
    rule = flops_rules.find(kernel.op)
    assert rule is not None
    assert rule(kernel) is None


# Weights alone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_in_few_bits_are_multiplied_in_floating_point(bits: int) -> None:
    x = torch.randn(4, 64, dtype=torch.bfloat16)
    if bits == 4:
        operator, weight = torch.ops.aten._weight_int4pack_mm_for_cpu, torch.zeros(16, 32, dtype=torch.uint8)
        rest: tuple[Any, ...] = (32, torch.zeros(2, 16, 2, dtype=torch.bfloat16))
    else:
        operator, weight = torch.ops.aten._weight_int8pack_mm, torch.zeros(16, 64, dtype=torch.int8)
        rest = (torch.zeros(16, dtype=torch.bfloat16),)

    def forward(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor) -> Any:
        return operator(x, weight, *rest[:-1], scales)

    counts = count(trace(forward, (x, weight, rest[-1])))
    assert (counts.matrix.total, counts.ops.total) == (2 * 4 * 16 * 64, 0)


# Attention in parts of tensors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_flex_attention(masked: bool) -> None:
    """Scores and their sum over values: 2 · 2 · (1 · 2 · 16 · 16) · 8, whatever blocks a mask leaves out."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def forward(q: torch.Tensor) -> Any:
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 16, 16, device="cpu") if masked else None
        return flex_attention(q, q, q, block_mask=mask)

    assert count(trace(forward, torch.randn(1, 2, 16, 8))).matrix.total == 2 * 2 * 2 * 16 * 16 * 8


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_refused_in_words(layout: Any, mode: Any) -> None:
    class Nests(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> Any:
            return torch.nested.nested_tensor([a, b], layout=layout) * 2

    with pytest.raises(TraceError, match="a nested tensor has no one shape"):
        trace(Nests(), (torch.randn(3, 16), torch.randn(5, 16)), mode=mode)
