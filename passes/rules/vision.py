"""The operators of torchvision that are one kernel: deformable convolution, pooling of regions, suppression of boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, numel, per_input, shape

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("pool")

operators.declare(
    "_roi_pool_backward _ps_roi_pool_backward", per_input(1), library="torchvision"
)  # to the largest, a sum

_BILINEAR = 7  # 4 multiplications, 3 additions
_PLACE = 14  # scale and shift, floor, two distances for each of 2 coordinates; 4 weights


@operators("torchvision.deform_conv2d", kind="matrix")
def _deform_conv2d(kernel: Kernel) -> Cost:
    """Count a convolution (see convolution.py) whose input is sampled bilinearly at every tap of every output position.

    With taps t: C_in · t samples for each of the N · H · W positions, 7 each, 8 with a modulation mask; offset_groups · t
    places, 14 each; and the bias (Zhu et al., Deformable ConvNets v2, 2018).
    """
    _, weight, offset = kernel.inputs[:3]
    output = kernel.outputs[0]
    out_channels, taps = shape(output)[1], math.prod(shape(weight)[2:])
    positions = numel(output) // out_channels
    samples = positions * shape(kernel.inputs[0])[1] * taps
    flops = _BILINEAR + bool(kernel.attributes.get("use_mask", True))
    pointwise = flops * samples + _PLACE * (numel(offset) // 2) + numel(output)
    return Cost(2 * numel(output) * math.prod(shape(weight)[1:]), pointwise)


@operators("torchvision._deform_conv2d_backward", kind="matrix")
def _deform_conv2d_backward(kernel: Kernel) -> Cost:
    """Two products as large as the forward one, for the columns and for the weight; then each of C_in · t samples.

    A sample is made again for the weight (7), its gradient goes to 4 taps (2 each), and along both coordinates to the
    offset (4 taps, 3 each): 39; with a mask 3 more. The bias adds up the output's gradient.
    """
    gradient, x, weight = kernel.inputs[:3]
    out_channels, taps = shape(gradient)[1], math.prod(shape(weight)[2:])
    samples = numel(gradient) // out_channels * shape(x)[1] * taps
    flops = _BILINEAR + 4 * 2 + 2 * 4 * 3 + 3 * bool(kernel.attributes.get("use_mask", True))
    return Cost(2 * 2 * numel(gradient) * math.prod(shape(weight)[1:]), flops * samples + numel(gradient))


@operators("torchvision._roi_align_backward", "torchvision._ps_roi_align_backward")
def _roi_align_backward(kernel: Kernel) -> Cost | None:
    """r² samples of 4 taps, 2 each, for each element of the output's gradient; unknown where r follows the box."""
    ratio = kernel.attributes.get("sampling_ratio")
    if not isinstance(ratio, int) or ratio <= 0:
        return None
    return Cost(pointwise=2 * 4 * ratio**2 * numel(kernel.inputs[0]))


@operators("torchvision.roi_align", "torchvision.ps_roi_align")
def _roi_align(kernel: Kernel) -> Cost | None:
    """r² bilinear samples, added up, for each element of the output; unknown where r follows the size of the box."""
    ratio = kernel.attributes.get("sampling_ratio")
    if not isinstance(ratio, int) or ratio <= 0:
        return None
    return Cost(pointwise=(_BILINEAR + 1) * ratio**2 * numel(kernel.outputs[0]))


@operators("torchvision.nms", kind="reduction")
def _nms(kernel: Kernel) -> Cost:
    """N · (n − 1) / 2 overlaps of 12: 4 comparisons for the corners, 2 sides clipped (4), area, union (2), ratio.

    An upper bound: suppressed boxes are not compared again. The areas and the sort are of lower order.
    """
    boxes = shape(kernel.inputs[0])[0]
    return Cost(pointwise=12 * (boxes * (boxes - 1) // 2))


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("ps_roi_pool roi_pool", library="")
