"""Activations and their gradients; the cost of each is counted in primitives, as elementwise.py explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators, reading
from fxviz.analysis.standard import Literal, Operation, Standard, dtype_of, is_known, real, shape_of, unary
from fxviz.passes.rules.cost import Cost, numel, per_output

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("activation")


# Functions ------------------------------------------------------------------------------------------------------------


def _write_hardtanh(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (kernel.attributes.get("min_val", -1.0), kernel.attributes.get("max_val", 1.0))
    return Standard("Clip", (x, *(Literal(bound, dtype_of(x) or "") for bound in bounds)), kernel.outputs)


def _write_leaky_relu(kernel: Operation) -> Standard | None:
    slope = kernel.attributes.get("negative_slope", 0.01)
    return Standard("LeakyRelu", kernel.inputs, kernel.outputs, {"alpha": real(slope)})


def _write_celu(kernel: Operation) -> Standard | None:
    return Standard("Celu", kernel.inputs, kernel.outputs, {"alpha": real(kernel.attributes.get("alpha", 1.0))})


def _write_elu(kernel: Operation) -> Standard | None:
    attributes = kernel.attributes
    if attributes.get("input_scale", 1) != 1:
        return None
    alpha, scale = real(attributes.get("alpha", 1.0)), real(attributes.get("scale", 1.0))
    if scale == 1.0:
        return Standard("Elu", kernel.inputs, kernel.outputs, {"alpha": alpha})
    return Standard("Selu", kernel.inputs, kernel.outputs, {"alpha": alpha, "gamma": scale})


def _write_hardsigmoid(kernel: Operation) -> Standard | None:
    # torch: relu6(x + 3) / 6
    return Standard("HardSigmoid", kernel.inputs, kernel.outputs, {"alpha": 1 / 6, "beta": 0.5})


def _write_softplus(kernel: Operation) -> Standard | None:
    # Above its threshold torch returns x itself; from 20 on, ln(1 + e^x) rounds to x in single precision.
    threshold = kernel.attributes.get("threshold", 20)
    same = kernel.attributes.get("beta", 1) == 1 and isinstance(threshold, int | float) and threshold >= 20
    if not same or dtype_of(kernel.inputs[0]) == "float64":
        return None
    return Standard("Softplus", kernel.inputs, kernel.outputs)


operators.declare("relu", per_output(1), onnx=unary("Relu"), reads=reading("Relu"))
operators.declare("sigmoid", per_output(1), onnx=unary("Sigmoid"), reads=reading("Sigmoid"))
operators.declare("tanh", per_output(1), onnx=unary("Tanh"), reads=reading("Tanh"))
operators.declare("threshold", per_output(1), reads=reading("ThresholdedRelu", attributes={"alpha": "threshold"}))
# x if x > 0 else α · expm1(x / α)
operators.declare("celu", per_output(4), onnx=_write_celu, reads=reading("Celu", attributes={"alpha": "alpha"}))
# x if x > 0 else α · expm1(x)
operators.declare("elu", per_output(3), onnx=_write_elu, reads=reading("Elu", attributes={"alpha": "alpha"}))
operators.declare("glu", per_output(2))  # a · sigmoid(b)
operators.declare("hardshrink", per_output(2))  # x if x > λ or x < −λ else 0
# min(max(x + 3, 0), 6) / 6
operators.declare("hardsigmoid", per_output(4), onnx=_write_hardsigmoid, reads=reading("HardSigmoid"))
# x · hardsigmoid(x)
operators.declare("hardswish", per_output(5), onnx=unary("HardSwish"), reads=reading("HardSwish"))
operators.declare("hardtanh", per_output(2), onnx=_write_hardtanh)  # min(max(x, low), high)
operators.declare(  # x if x > 0 else slope · x
    "leaky_relu",
    per_output(2),
    onnx=_write_leaky_relu,
    reads=reading("LeakyRelu", attributes={"alpha": "negative_slope"}),
)
operators.declare("log_sigmoid_forward", per_output(6))  # min(0, x) − log1p(exp(−|x|))
operators.declare("mish", per_output(4), onnx=unary("Mish"), reads=reading("Mish"))  # x · tanh(log1p(exp(x)))
# x if x > 0 else w · x
operators.declare("_prelu_kernel", per_output(2), reads=reading("PRelu", "Tensor", ("self", "other")))
operators.declare("relu6", per_output(2))  # min(max(x, 0), 6)
operators.declare("rrelu rrelu_with_noise", per_output(2))  # x if x > 0 else slope · x
operators.declare("selu", per_output(4), reads=reading("Selu"))  # scale · elu(x)
operators.declare("silu", per_output(2), reads=reading("Swish"))  # x · sigmoid(x)
# x if β · x > t else log1p(exp(β · x)) / β
operators.declare("softplus", per_output(5), onnx=_write_softplus, reads=reading("Softplus"))
# x − λ if x > λ else x + λ if x < −λ else 0
operators.declare("softshrink", per_output(3), reads=reading("Shrink", attributes={"lambd": "lambd"}))


def _write_gelu(kernel: Operation) -> Standard | None:
    approximate = kernel.attributes.get("approximate", "none")
    return Standard("Gelu", kernel.inputs, kernel.outputs, {"approximate": approximate})


@operators("aten.gelu", onnx=_write_gelu, reads=reading("Gelu", attributes={"approximate": "approximate"}))
def _gelu(kernel: Kernel) -> Cost:
    """``x / 2 · (1 + erf(x / √2))``: 5 per element; ``x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))``: 9."""
    return Cost(pointwise=(9 if kernel.attributes.get("approximate") == "tanh" else 5) * numel(kernel.outputs[0]))


# Gradients ------------------------------------------------------------------------------------------------------------
#
# The gradient of each function times dy; y is its result, s = sigmoid(x).

operators.declare("elu_backward", per_output(4))  # dy if x > 0 else dy · α · exp(x)
operators.declare(
    "glu_backward", per_output(3)
)  # of a: dy · s; of b: dy · a · s · (1 − s); both halves of one element: 6
operators.declare("hardshrink_backward", per_output(2))  # dy if x > λ or x < −λ else 0
operators.declare("hardsigmoid_backward", per_output(3))  # dy / 6 if −3 < x < 3 else 0
operators.declare("hardswish_backward", per_output(5))  # dy · (x / 3 + ½) if −3 < x < 3 else dy or 0
operators.declare("hardtanh_backward", per_output(2))  # dy if low < x < high else 0
operators.declare("leaky_relu_backward", per_output(2))  # dy if x > 0 else slope · dy
operators.declare("log_sigmoid_backward", per_output(6))  # dy · (1 or 0 ∓ z / (1 + z)), z = exp(−|x|) kept
operators.declare("mish_backward", per_output(10))  # t = tanh(log1p(exp(x))); dy · (t + x · s · (1 − t²))
operators.declare("_prelu_kernel_backward", per_output(3))  # of x: dy if x > 0 else w · dy; of w: x · dy
operators.declare("rrelu_with_noise_backward", per_output(2))
operators.declare("sigmoid_backward", per_output(3))  # dy · y · (1 − y)
operators.declare("silu_backward", per_output(6))  # dy · s · (1 + x · (1 − s))
operators.declare("softplus_backward", per_output(6))  # dy if β · x > t else dy · z / (1 + z), z = exp(β · x)
operators.declare("softshrink_backward", per_output(2))  # dy if x > λ or x < −λ else 0
operators.declare("tanh_backward", per_output(3))  # dy · (1 − y²)
operators.declare("threshold_backward", per_output(1))  # dy if x > t else 0; of relu


@operators("aten.gelu_backward")
def _gelu_backward(kernel: Kernel) -> Cost:
    """``dy · (Φ(x) + x · φ(x))``: Φ = (1 + erf(x / √2)) / 2 is 4, φ = exp(−x² / 2) / √(2π) 4, the rest 3: 11 per element.

    With tanh, u = √(2/π) · x · (1 + 0.044715 · x²) and t = tanh(u) are 6, ``dy · ((1 + t) / 2 + x / 2 · (1 − t²) · u′)`` 9,
    and u′ = √(2/π) · (1 + 3 · 0.044715 · x²) 3: 18.
    """
    return Cost(pointwise=(18 if kernel.attributes.get("approximate") == "tanh" else 11) * numel(kernel.outputs[0]))


# Softmax --------------------------------------------------------------------------------------------------------------

SOFTMAX = 5
"""FLOPs per element: maximum; subtract it, exp, sum; divide. Of log-softmax: subtract the logarithm of the sum."""


def _write_softmax(kernel: Operation) -> Standard | None:
    op_type = "LogSoftmax" if "log" in kernel.op else "Softmax"
    return Standard(op_type, kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})


operators.declare("_softmax _log_softmax", per_output(SOFTMAX), onnx=_write_softmax)
operators.declare("softmax log_softmax", per_output(SOFTMAX))
operators.declare("_masked_softmax", per_output(SOFTMAX + 1))  # the mask is one selection
operators.declare("_safe_softmax", per_output(SOFTMAX + 3))  # is it −∞, is the whole row, then 0 instead
operators.declare("_softmax_backward_data", per_output(4))  # y · (dy − Σ dy · y)
operators.declare("_log_softmax_backward_data", per_output(4))  # dy − exp(y) · Σ dy
operators.declare("_masked_softmax_backward", per_output(5))


# As authors write them ------------------------------------------------------------------------------------------------


def _write_prelu(node: Operation) -> Standard | None:
    # torch has a slope for each channel, ONNX for each element of the last dimension.
    if not is_known(node) or len(node.inputs) != 2 or shape_of(node.inputs[1]) != (1,):
        return None
    return Standard("PRelu", node.inputs, node.outputs)


operators.declare("prelu", library="", onnx=_write_prelu)
operators.declare("gumbel_softmax logsigmoid log_sigmoid softmin softsign sparsemax swish tanhshrink", library="")
