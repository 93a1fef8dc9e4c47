"""Convolutions of any rank, grouped, dilated and transposed.

As ``torch.utils.flop_counter`` has it (``conv_flop_count``): a multiply-add for each output position, filter tap and
pair of channels that meet; taps that fall on the padding count, the bias does not (it is pointwise work).

Backward, each multiply-add of y += w · x is met again as dx += w · dy and as dw += x · dy: the gradient of the input and
that of the weight cost as much as the convolution does (``conv_backward_flop``; torch 2.13 counts the weight's gradient
of a convolution in g groups g times too often, as if every channel met every other).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard, rank_of, shape_of, spread
from fxviz.passes.rules.cost import Cost, numel, shape, wanted

if TYPE_CHECKING:
    from fxviz.ir import Attribute, Dim, Kernel

__all__ = ["operators"]

operators = Operators("matrix")


def _convolved(kernel: Kernel) -> Dim:
    """Return 2 · C_in / groups · taps for each element of the output; the weight is (C_out, C_in / groups, *taps)."""
    return 2 * numel(kernel.outputs[0]) * math.prod(shape(kernel.inputs[1])[1:])


def _transposed(kernel: Kernel) -> Dim:
    """Return 2 · C_out / groups · taps for each element of the input; the weight is (C_in, C_out / groups, *taps)."""
    return 2 * numel(kernel.inputs[0]) * math.prod(shape(kernel.inputs[1])[1:])


def _bias(kernel: Kernel) -> Dim:
    """Return 1 for each element of the output if there is a bias."""
    return 0 if kernel.input("bias") is None else numel(kernel.outputs[0])


def _write_convolution(kernel: Operation) -> Standard | None:
    x, weight = kernel.inputs[:2]
    spatial = rank_of(weight) - 2
    if rank_of(x) != spatial + 2:
        return None
    padding = spread(kernel.attributes.get("padding"), spatial)
    attributes: dict[str, Attribute] = {
        "kernel_shape": shape_of(weight)[2:],
        "strides": spread(kernel.attributes.get("stride"), spatial),
        "pads": padding * 2,
        "dilations": spread(kernel.attributes.get("dilation"), spatial),
        "group": kernel.attributes.get("groups", 1),
    }
    if not kernel.attributes.get("transposed"):
        return Standard("Conv", kernel.inputs, kernel.outputs, attributes)
    attributes["output_padding"] = spread(kernel.attributes.get("output_padding"), spatial)
    return Standard("ConvTranspose", kernel.inputs, kernel.outputs, attributes)


@operators("aten.convolution", onnx=_write_convolution)
@operators("aten._convolution", "aten.convolution_overrideable")
def _convolution(kernel: Kernel) -> Cost:
    """Count a convolution of any kind; ``transposed`` says which operand's positions are walked."""
    matrix = _transposed(kernel) if kernel.attributes.get("transposed") else _convolved(kernel)
    return Cost(matrix, _bias(kernel))


@operators(
    *("aten.conv1d", "aten.conv2d", "aten.conv3d", "aten.mkldnn_convolution", "aten.cudnn_convolution"),
    *("aten.miopen_convolution", "aten.miopen_depthwise_convolution", "aten._mps_convolution"),
    *("aten._conv_depthwise2d", "aten.conv_depthwise3d", "aten._slow_conv2d_forward", "aten.thnn_conv2d"),
    *("aten.slow_conv3d", "aten.slow_conv3d_forward", "aten.slow_conv_dilated2d", "aten.slow_conv_dilated3d"),
    "aten._nnpack_spatial_convolution",
)
def _backend(kernel: Kernel) -> Cost:
    """Count the convolution of one backend."""
    return Cost(_convolved(kernel), _bias(kernel))


@operators(
    *("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d", "aten.cudnn_convolution_transpose"),
    *("aten.miopen_convolution_transpose", "aten._mps_convolution_transpose"),
    *("aten.slow_conv_transpose2d", "aten.slow_conv_transpose3d"),
)
def _backend_transposed(kernel: Kernel) -> Cost:
    """Count the transposed convolution of one backend."""
    return Cost(_transposed(kernel), _bias(kernel))


@operators("aten.cudnn_convolution_relu", "aten.miopen_convolution_relu")
def _relu(kernel: Kernel) -> Cost:
    """Count a convolution and a relu, 1 per element."""
    return Cost(_convolved(kernel), _bias(kernel) + numel(kernel.outputs[0]))


@operators("aten.cudnn_convolution_add_relu", "aten.miopen_convolution_add_relu")
def _add_relu(kernel: Kernel) -> Cost:
    """``relu(conv(x) + alpha · z)``: a convolution, then 3 per element."""
    return Cost(_convolved(kernel), _bias(kernel) + 3 * numel(kernel.outputs[0]))


@operators("aten.conv_tbc")
def _conv_tbc(kernel: Kernel) -> Cost:
    """Over (time, batch, channel) with a weight (taps, C_in, C_out): 2 · taps · C_in, and a bias, for each element."""
    taps, channels, _ = shape(kernel.inputs[1])
    return Cost(2 * taps * channels * numel(kernel.outputs[0]), numel(kernel.outputs[0]))


@operators("aten.convolution_backward", "aten.convolution_backward_overrideable", "aten._slow_conv2d_backward")
def _backward(kernel: Kernel) -> Cost:
    """Count the gradients that ``output_mask`` asks for; for a bias it adds up the output's gradient."""
    gradient, x, weight = kernel.inputs[:3]
    walked = x if kernel.attributes.get("transposed") else gradient
    to_input, to_weight, to_bias = wanted(kernel, 3)
    return Cost((to_input + to_weight) * 2 * numel(walked) * math.prod(shape(weight)[1:]), to_bias * numel(gradient))


@operators("aten.mps_convolution_backward", "aten.mps_convolution_transpose_backward")
def _mps_backward(kernel: Kernel) -> Cost:
    """As above, the input before the output's gradient; the transposed one gives no gradient of the bias."""
    x, gradient, weight = kernel.inputs[:3]
    transposed = "transpose" in kernel.op
    to_input, to_weight, *to_bias = wanted(kernel, 2 if transposed else 3)
    contraction = 2 * numel(x if transposed else gradient) * math.prod(shape(weight)[1:])
    return Cost((to_input + to_weight) * contraction, sum(to_bias) * numel(gradient))


@operators("aten.conv_tbc_backward")
def _conv_tbc_backward(kernel: Kernel) -> Cost:
    """Count two contractions of 2 · taps · C_in for each element of the output's gradient, and the bias."""
    gradient, _, weight = kernel.inputs[:3]
    taps, channels, _ = shape(weight)
    return Cost(2 * 2 * taps * channels * numel(gradient), numel(gradient))
