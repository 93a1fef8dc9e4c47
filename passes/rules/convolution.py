"""Convolutions of any rank, grouped, dilated and transposed.

As ``torch.utils.flop_counter`` has it (``conv_flop_count``): a multiply-add for each output position, filter tap and
pair of channels that meet; taps that fall on the padding count, the bias does not (it is pointwise work).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()


def _convolved(kernel: Kernel) -> Dim:
    """The weight is (C_out, C_in / groups, *taps): 2 · C_in / groups · taps for each element of the output."""
    return 2 * numel(kernel.outputs[0]) * math.prod(shape(kernel.inputs[1])[1:])


def _transposed(kernel: Kernel) -> Dim:
    """The weight is (C_in, C_out / groups, *taps): 2 · C_out / groups · taps for each element of the input."""
    return 2 * numel(kernel.inputs[0]) * math.prod(shape(kernel.inputs[1])[1:])


def _bias(kernel: Kernel) -> Dim:
    """1 for each element of the output, where there is a bias."""
    return 0 if kernel.input("bias") is None else numel(kernel.outputs[0])


@flops_rules("aten.convolution", "aten._convolution", "aten.convolution_overrideable")
def _convolution(kernel: Kernel) -> Cost:
    """A convolution of any kind; ``transposed`` says which operand's positions are walked."""
    matrix = _transposed(kernel) if kernel.attributes.get("transposed") else _convolved(kernel)
    return Cost(matrix, _bias(kernel))


@flops_rules(
    *("aten.conv1d", "aten.conv2d", "aten.conv3d", "aten.mkldnn_convolution", "aten.cudnn_convolution"),
    *("aten.miopen_convolution", "aten.miopen_depthwise_convolution", "aten._mps_convolution"),
    *("aten._conv_depthwise2d", "aten.conv_depthwise3d", "aten._slow_conv2d_forward", "aten.thnn_conv2d"),
    *("aten.slow_conv3d", "aten.slow_conv3d_forward", "aten.slow_conv_dilated2d", "aten.slow_conv_dilated3d"),
    "aten._nnpack_spatial_convolution",
)
def _backend(kernel: Kernel) -> Cost:
    """The convolution of one backend."""
    return Cost(_convolved(kernel), _bias(kernel))


@flops_rules(
    *("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d", "aten.cudnn_convolution_transpose"),
    *("aten.miopen_convolution_transpose", "aten._mps_convolution_transpose"),
    *("aten.slow_conv_transpose2d", "aten.slow_conv_transpose3d"),
)
def _backend_transposed(kernel: Kernel) -> Cost:
    """The transposed convolution of one backend."""
    return Cost(_transposed(kernel), _bias(kernel))


@flops_rules("aten.cudnn_convolution_relu", "aten.miopen_convolution_relu")
def _relu(kernel: Kernel) -> Cost:
    """A convolution and a relu, 1 per element."""
    return Cost(_convolved(kernel), _bias(kernel) + numel(kernel.outputs[0]))


@flops_rules("aten.cudnn_convolution_add_relu", "aten.miopen_convolution_add_relu")
def _add_relu(kernel: Kernel) -> Cost:
    """``relu(conv(x) + alpha · z)``: a convolution, then 3 per element."""
    return Cost(_convolved(kernel), _bias(kernel) + 3 * numel(kernel.outputs[0]))


@flops_rules("aten.conv_tbc")
def _conv_tbc(kernel: Kernel) -> Cost:
    """Over (time, batch, channel) with a weight (taps, C_in, C_out): 2 · taps · C_in, and a bias, for each element."""
    taps, channels, _ = shape(kernel.inputs[1])
    return Cost(2 * taps * channels * numel(kernel.outputs[0]), numel(kernel.outputs[0]))
