"""Turning floating point into integers and back, and the layers of `torch.ao` that compute on integers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators, reading
from fxviz.passes.rules.cost import Cost, numel, per_input, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

_QUANTIZE = 5  # scale, round, shift, and two comparisons
_DEQUANTIZE = 2  # shift, scale
_FAKE = _QUANTIZE + _DEQUANTIZE + 2  # there and back, and whether it was inside the range

operators = Operators("elementwise")

_OPERANDS = ("self", "scale", "zero_point")

operators.declare(
    "quantize_per_tensor",
    per_input(_QUANTIZE),
    reads=reading("QuantizeLinear com.microsoft.QuantizeLinear", operands=_OPERANDS),
)
operators.declare("quantize_per_channel", per_input(_QUANTIZE))
operators.declare(  # least and largest first
    "quantize_per_tensor_dynamic",
    per_input(_QUANTIZE + 2),
    reads=reading("DynamicQuantizeLinear com.microsoft.DynamicQuantizeLinear", operands=_OPERANDS),
)
operators.declare(
    "dequantize",
    per_input(_DEQUANTIZE),
    reads=reading("DequantizeLinear com.microsoft.DequantizeLinear", "self", _OPERANDS),
)
operators.declare(
    """
    fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    """,
    per_input(_FAKE),
)
operators.declare(
    "_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine", per_input(_FAKE - 2)
)
operators.declare("_fused_moving_avg_obs_fq_helper", per_input(_FAKE + 2))  # least and largest first
operators.declare("_choose_qparams_per_tensor", per_input(2))
operators.declare(  # dy, or 0 outside of the range
    "fake_quantize_per_tensor_affine_cachemask_backward fake_quantize_per_channel_affine_cachemask_backward",
    per_input(1),
)
operators.declare(  # dy inside of the range; of the scale, Σ dy · (x′ − x) / scale; of the zero point, Σ dy outside
    "_fake_quantize_learnable_per_tensor_affine_backward _fake_quantize_learnable_per_channel_affine_backward",
    per_input(_FAKE + 5),
)

# Turned back, computed, turned into integers again.
_BATCH_NORMS = "batch_norm batch_norm1d batch_norm2d batch_norm3d"
_BATCH_NORMS_RELU = "batch_norm_relu batch_norm2d_relu batch_norm3d_relu"
_ACTIVATIONS = "leaky_relu hardswish elu celu sigmoid prelu"

operators.declare("add mul", per_output(2 * _DEQUANTIZE + 1 + _QUANTIZE), library="quantized")
operators.declare("add_relu mul_relu", per_output(2 * _DEQUANTIZE + 2 + _QUANTIZE), library="quantized")
operators.declare("add_scalar mul_scalar", per_output(_DEQUANTIZE + 1 + _QUANTIZE), library="quantized")
operators.declare(_ACTIVATIONS, per_output(_DEQUANTIZE + 2 + _QUANTIZE), library="quantized", kind="activation")
operators.declare(_BATCH_NORMS, per_output(2 + _QUANTIZE), library="quantized", kind="normalization")
operators.declare(_BATCH_NORMS_RELU, per_output(3 + _QUANTIZE), library="quantized", kind="normalization")


# Layers with packed weights -------------------------------------------------------------------------------------------
#
# A packed weight is not a tensor: its extents are an attribute that the tracer reads from it, ``{"packed": (6, 3, 3, 3)}``.


@operators(*(f"quantized.linear{suffix}" for suffix in ("", "_relu", "_leaky_relu", "_tanh")), kind="matrix")
def _linear(kernel: Kernel) -> Cost:
    """2 · inner OPs for each element of the output; a bias, an activation, and back into integers."""
    x, out = kernel.inputs[0], kernel.outputs[0]
    return Cost(0, (1 + _activation(kernel) + _QUANTIZE) * numel(out), 2 * shape(x)[-1] * numel(out))


@operators("quantized.linear_dynamic", "quantized.linear_relu_dynamic", kind="matrix")
def _dynamic(kernel: Kernel) -> Cost:
    """As above, of inputs that are turned into integers first, over the range that they have; the output is turned back."""
    x, out = kernel.inputs[0], kernel.outputs[0]
    around = (_QUANTIZE + 2) * numel(x) + (1 + _activation(kernel) + _DEQUANTIZE) * numel(out)
    return Cost(0, around, 2 * shape(x)[-1] * numel(out))


@operators("quantized.linear_dynamic_fp16", "quantized.linear_relu_dynamic_fp16", kind="matrix")
def _half(kernel: Kernel) -> Cost:
    """Count a linear layer in floating point."""
    x, out = kernel.inputs[0], kernel.outputs[0]
    return Cost(2 * shape(x)[-1] * numel(out), (1 + _activation(kernel)) * numel(out))


@operators(
    *(f"quantized.conv{dim}d{suffix}" for dim in (1, 2, 3) for suffix in ("", "_relu")),
    *("quantized.conv2d_add", "quantized.conv2d_add_relu"),
    *(f"quantized.conv_transpose{dim}d" for dim in (1, 2, 3)),
    kind="matrix",
)
def _convolution(kernel: Kernel) -> Cost | None:
    """2 · taps · C_in / groups OPs for each element of the output, of a transposed one 2 · taps · C_out / groups of the input."""
    weight = _packed(kernel)
    if weight is None:
        return None
    x, out = kernel.inputs[0], kernel.outputs[0]
    walked = x if "transpose" in kernel.op else out
    added = 1 + _DEQUANTIZE if "_add" in kernel.op else 0
    pointwise = (1 + added + _activation(kernel) + _QUANTIZE) * numel(out)
    return Cost(0, pointwise, 2 * numel(walked) * math.prod(weight[1:]))


@operators("aten.quantized_lstm", "aten.quantized_gru", kind="matrix")
def _recurrent(kernel: Kernel) -> Cost:
    """2 OPs for each element of each weight and each token: 4H · (I + H) weights of an LSTM, 3H · (I + H) of a GRU.

    Of the layers after the first the input is what all directions of the one before it give.
    """
    x, hidden = kernel.inputs[:2]
    gates, flops = (4, 13) if "lstm" in kernel.op else (3, 10)
    size, both = shape(hidden)[-1], 2 if kernel.attributes.get("bidirectional") else 1
    runs = shape(hidden)[0]
    inputs = both * shape(x)[-1] + (runs - both) * both * size
    tokens = numel(x) // shape(x)[-1]
    around = (_QUANTIZE + 2 + _DEQUANTIZE) * gates
    return Cost(0, tokens * runs * size * (flops + around), 2 * tokens * gates * size * (inputs + runs * size))


def _activation(kernel: Kernel) -> int:
    return 1 if any(name in kernel.op for name in ("relu", "tanh")) else 0


def _packed(kernel: Kernel) -> tuple[int, ...] | None:
    """Return the extents of the packed weight, if the tracer could read them."""
    found = kernel.attributes.get("packed_weight")
    extents = found.get("packed") if isinstance(found, Mapping) else None
    return extents if isinstance(extents, tuple) else None


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("fake_quantize_per_channel_affine fake_quantize_per_tensor_affine", library="")
