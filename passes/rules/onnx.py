"""Operators of ONNX and of onnxruntime that no ATen kernel computes as a whole.

Recurrent layers as in recurrent.py: every weight matrix meets every token once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, numel, per_input, per_output, shape

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel

__all__ = ["operators"]

operators = Operators("matrix")

operators.declare("ReduceSumSquare", per_input(2), library="onnx", kind="reduction")  # square; add
operators.declare("ReduceLogSum", per_input(1), library="onnx", kind="reduction")  # add; one logarithm for all
operators.declare("LpNormalization", per_output(3), library="onnx", kind="normalization")  # power; add; divide
# As layer normalisation
operators.declare("MeanVarianceNormalization", per_output(5), library="onnx", kind="normalization")
# x · cos + (x turned) · sin
operators.declare("RotaryEmbedding", per_output(3), library="onnx", kind="elementwise")
operators.declare("RotaryEmbedding", per_output(3), library="com.microsoft", kind="elementwise")

# Pointwise FLOPs for each hidden element and token, as in recurrent.py.
_CELLS = {"RNN": 2, "GRU": 10, "LSTM": 13}


@operators("onnx.RNN", "onnx.GRU", "onnx.LSTM")
def _recurrent(kernel: Kernel) -> Cost | None:
    """X (T, N, I), W (D, G · H, I), R (D, G · H, H), B (D, 2 · G · H), for D directions and G gates of H elements."""
    x, weights, recurrence, bias = (kernel.input(name) for name in ("X", "W", "R", "B"))
    if x is None or weights is None or recurrence is None:
        return None
    if [len(shape(value)) for value in (x, weights, recurrence)] != [3, 3, 3]:
        return None
    tokens = math.prod(shape(x)[:2])
    hidden = shape(recurrence)[0] * shape(recurrence)[2]
    gates = _CELLS[kernel.op.split(".")[1]] * hidden
    biases = numel(bias) if bias is not None else 0
    return Cost(2 * tokens * (numel(weights) + numel(recurrence)), tokens * (gates + biases))


@operators("onnx.LRN", kind="normalization")
def _local_response(kernel: Kernel) -> Cost | None:
    """``x / (bias + alpha / size · Σ x²)^beta`` over ``size`` channels: a square, size additions, 4 more per element."""
    size = kernel.attributes.get("size")
    return Cost(pointwise=(1 + size + 4) * numel(kernel.outputs[0])) if isinstance(size, int) else None


@operators("onnx.Einsum")
def _einsum(kernel: Kernel) -> Cost | None:
    """Operands meet one after the other: 2 for each point of all their axes, 1 (and pointwise) where nothing is summed.

    An axis is summed as soon as neither a later operand nor the result has it.
    """
    equation = str(kernel.attributes.get("equation", "")).replace(" ", "")
    terms, arrow, result = equation.partition("->")
    operands = terms.split(",")
    if not arrow or "." in equation or len(operands) != len(kernel.inputs):
        return None
    extents: dict[str, Dim] = {}
    for term, value in zip(operands, kernel.inputs, strict=True):
        if len(term) != len(shape(value)):
            return None
        extents |= zip(term, shape(value), strict=True)
    total = Cost()
    axes = set(operands[0])
    for place in range(1, len(operands)):
        together = axes | set(operands[place])
        axes = together & set("".join(operands[place + 1 :]) + result)
        points = math.prod(extents[axis] for axis in together)
        total += Cost(matrix=2 * points) if axes < together else Cost(pointwise=points)
    if len(operands) == 1 and axes - set(result):
        total += Cost(pointwise=numel(kernel.inputs[0]))  # a sum
    return total


# Operators that are read as several ATen kernels, or not at all: their costs are counted for the kernels. An operator that is
# read as one kernel has the record of that kernel.

operators.declare(
    """
    Conv ConvInteger ConvTranspose DeformConv Gemm MatMul MatMulInteger QLinearConv QLinearMatMul DFT STFT
    """,
    library="onnx",
)
operators.declare("FusedConv FusedGemm FusedMatMul MatMulNBits", library="com.microsoft")
operators.declare("Attention", library="onnx", kind="attention")
operators.declare("Attention GroupQueryAttention MultiHeadAttention", library="com.microsoft", kind="attention")
operators.declare("Hardmax LogSoftmax Softmax Softsign", library="onnx", kind="activation")
operators.declare("BiasGelu FastGelu Gelu QuickGelu", library="com.microsoft", kind="activation")
operators.declare(
    """
    BatchNormalization GroupNormalization InstanceNormalization LayerNormalization RMSNormalization
    SimplifiedLayerNormalization
    """,
    library="onnx",
    kind="normalization",
)
operators.declare(
    """
    SkipLayerNormalization SkipSimplifiedLayerNormalization SimplifiedLayerNormalization
    """,
    library="com.microsoft",
    kind="normalization",
)
operators.declare(
    """
    AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LpPool MaxPool MaxRoiPool MaxUnpool
    Resize RoiAlign Upsample
    """,
    library="onnx",
    kind="pool",
)
operators.declare(
    """
    CenterCropPad Col2Im Concat Gather GatherElements GatherND Pad Scatter ScatterElements ScatterND Slice Split
    Transpose Trilu Unique
    """,
    library="onnx",
    kind="shape",
)
operators.declare("BitShift Clip Max Mean Min Sum Where", library="onnx", kind="elementwise")
operators.declare(
    """
    NonMaxSuppression ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum TopK
    """,
    library="onnx",
    kind="reduction",
)
operators.declare("OneHot", library="onnx", kind="embedding")
operators.declare("EmbedLayerNormalization", library="com.microsoft", kind="embedding")
operators.declare(
    """
    Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike
    """,
    library="onnx",
    kind="random",
)
operators.declare("ConstantOfShape Range", library="onnx", kind="data")
