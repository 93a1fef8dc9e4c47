"""Matrix products: ``out = a @ b`` with inner extent k is 2 · k multiply-add FLOPs for each element of ``out``.

As ``torch.utils.flop_counter`` has it (``mm_flop``): k multiplications and k additions, not k − 1, and no bias; that
holds for batches and broadcasting. What is added to the product or scales it is pointwise work. A product of integers,
``_int_mm`` or any other whose result is integer, is OPs and not FLOPs (see ``flops.py``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard, is_known, rank_of, real
from fxviz.passes.rules.cost import Cost, numel, shape, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Dim, Kernel

__all__ = ["operators"]

operators = Operators("matrix")


def _product(kernel: Kernel, left: int = 0) -> Dim:
    """Return 2 · k · numel(out), k being the last extent of input number ``left``."""
    return 2 * shape(kernel.inputs[left])[-1] * numel(kernel.outputs[0])


def _epilogue(kernel: Kernel, *factors: str) -> Dim:
    """Return 1 for each element of the output and each factor that is present and not 1."""
    given = sum(kernel.attributes.get(factor, 1) != 1 for factor in factors)
    return given * numel(kernel.outputs[0])


def _write_matmul(operation: Operation) -> Standard | None:
    if len(operation.inputs) != 2 or not is_known(operation):
        return None
    return Standard("MatMul", operation.inputs, operation.outputs)


@operators("aten.mm", "aten.bmm", "aten.mv", "aten.dot", onnx=_write_matmul)
@operators("aten.matmul", "aten.linalg_matmul", "aten.vdot", "aten.inner", "aten._int_mm", "aten._sparse_mm")
def _mm(kernel: Kernel) -> Cost:
    """2 · k · numel(out) for ``a @ b``; k is the last extent of a."""
    return Cost(matrix=_product(kernel))


def _write_addmm(kernel: Operation) -> Standard | None:
    bias, a, b = kernel.inputs
    scales = {name: real(kernel.attributes.get(name, 1)) for name in ("alpha", "beta")}
    return Standard("Gemm", (a, b, bias), kernel.outputs, {name: scale for name, scale in scales.items() if scale != 1})


@operators("aten.addmm", onnx=_write_addmm)
@operators("aten.baddbmm", "aten.addmv", "aten._sparse_addmm")
def _addmm(kernel: Kernel) -> Cost:
    """``beta · c + alpha · a @ b``: the product, then 1 per element for the sum and for each factor other than 1."""
    return Cost(_product(kernel, left=1), numel(kernel.outputs[0]) + _epilogue(kernel, "alpha", "beta"))


@operators("aten._addmm_activation")
def _addmm_activation(kernel: Kernel) -> Cost:
    """``addmm`` followed by relu (1 per element) or, with ``use_gelu``, by the tanh form of gelu (9)."""
    activation = 9 if kernel.attributes.get("use_gelu") else 1
    pointwise = (1 + activation) * numel(kernel.outputs[0]) + _epilogue(kernel, "alpha", "beta")
    return Cost(_product(kernel, left=1), pointwise)


@operators("aten.addbmm")
def _addbmm(kernel: Kernel) -> Cost:
    """``c + Σ over the batch of a @ b``: every product of the batch, then the sum with c."""
    batch = shape(kernel.inputs[1])[0]
    return Cost(_product(kernel, left=1) * batch, numel(kernel.outputs[0]) + _epilogue(kernel, "alpha", "beta"))


@operators("aten.ger", "aten.outer")
def _outer(kernel: Kernel) -> Cost:
    """Count 1 multiplication per element: the outer product has no contraction."""
    return Cost(pointwise=numel(kernel.outputs[0]))


@operators("aten.addr")
def _addr(kernel: Kernel) -> Cost:
    """``beta · c + alpha · a ⊗ b``: 1 multiplication and 1 addition per element, and 1 for each factor other than 1."""
    return Cost(pointwise=2 * numel(kernel.outputs[0]) + _epilogue(kernel, "alpha", "beta"))


@operators("aten.linear", "aten.mkldnn_linear", "aten._mixed_dtypes_linear")
def _linear(kernel: Kernel) -> Cost:
    """``x @ weightᵀ + bias``: 2 · in_features · numel(out), and 1 per element for a bias."""
    return Cost(_product(kernel), numel(kernel.outputs[0]) if kernel.input("bias") is not None else 0)


@operators("aten._scaled_mm", "aten._scaled_mm_v2")
def _scaled_mm(kernel: Kernel) -> Cost:
    """``scale_a · scale_b · (a @ b) + bias``: the product, then 2 per element for the scales and 1 for a bias."""
    return Cost(_product(kernel), (2 + (kernel.input("bias") is not None)) * numel(kernel.outputs[0]))


@operators(
    "aten._weight_int8pack_mm",
    "aten._weight_int4pack_mm",
    "aten._weight_int4pack_mm_for_cpu",
    "aten._weight_int4pack_mm_with_scales_and_zeros",
)
def _weight_only_mm(kernel: Kernel) -> Cost:
    """``x @ weightᵀ`` with a quantised weight: the product; k is the last extent of x.

    Turning the weight back is left out: how often a kernel does that is not in its arguments.
    """
    return Cost(matrix=_product(kernel))


@operators("aten._dyn_quant_matmul_4bit")
def _dynamic_mm(kernel: Kernel) -> Cost:
    """Count the same product in integers; x is quantised first: scale, round, two bounds, 4 per element.

    The scales of x and of the weight are 2 for each element of the output.
    """
    x = kernel.inputs[0]
    return Cost(pointwise=4 * numel(x) + 2 * numel(kernel.outputs[0]), ops=_product(kernel))


@operators("aten._grouped_mm", "aten._scaled_grouped_mm", "aten._scaled_grouped_mm_v2")
@operators("transformers.grouped_mm_fallback")
def _grouped_mm(kernel: Kernel) -> Cost:
    """Count one product for each group (expert), every row in exactly one group, so the routing does not matter.

    With a (M, K) or (G, M, K) and b (G, K, N) or (K, N): 2 · K · numel(out). With both 2-D the groups divide the inner
    extent, and ``out`` is (G, M, N): 2 · M · N · K in all. Scales are 2 and a bias is 1 per element.
    """
    a, b = (shape(value) for value in kernel.inputs[:2])
    matrix = 2 * a[0] * b[1] * a[1] if len(a) == len(b) == 2 else _product(kernel)
    scaling = 0 if kernel.input("scale_a") is None else 2
    return Cost(matrix, (scaling + (kernel.input("bias") is not None)) * numel(kernel.outputs[0]))


@operators("aten.linear_backward", "aten.mkldnn_linear_backward")
def _linear_backward(kernel: Kernel) -> Cost:
    """``dx = dy W`` and ``dW = dyᵀ x``: 2 · in_features for each element of dy, each; the bias adds up dy."""
    x, gradient = kernel.inputs[:2]
    to_input, to_weight, to_bias = wanted(kernel, 3)
    contraction = 2 * shape(x)[-1] * numel(gradient)
    return Cost((to_input + to_weight) * contraction, to_bias * numel(gradient))


@operators("aten.mkldnn_linear_backward_input")
def _linear_backward_input(kernel: Kernel) -> Cost:
    """``dx = dy W`` alone."""
    gradient, weight = kernel.inputs[:2]
    return Cost(matrix=2 * shape(weight)[-1] * numel(gradient))


@operators("aten.mkldnn_linear_backward_weights")
def _linear_backward_weights(kernel: Kernel) -> Cost:
    """``dW = dyᵀ x``, and the bias, which adds up dy."""
    gradient, x = kernel.inputs[:2]
    bias = numel(gradient) if kernel.attributes.get("bias_defined", True) else 0
    return Cost(2 * shape(x)[-1] * numel(gradient), bias)


@operators("aten.matmul_backward")
def _matmul_backward(kernel: Kernel) -> Cost:
    """``da = dy bᵀ`` and ``db = aᵀ dy``: as many multiply-adds as a @ b, each."""
    gradient, a = kernel.inputs[:2]
    return Cost(matrix=sum(wanted(kernel, 2, "mask")) * 2 * shape(a)[-1] * numel(gradient))


@operators("aten._trilinear")
def _trilinear(kernel: Kernel) -> Cost:
    """Σ a · b · c over the axes ``sumdim``; each tensor lacks the axes that ``expand`` gives it.

    a and b meet first and are summed over what c lacks, then c: 2 for each point of their common axes, 1 (and pointwise)
    where nothing is summed. For ``nn.Bilinear``, y_o = x₁ᵀ W_o x₂, that is 2 · I₁ · I₂ and 2 · I₂ for each row and o.
    """
    missing = [_axes(kernel, f"expand{which}") for which in (1, 2, 3)]
    summed = set(_axes(kernel, "sumdim"))
    extents: dict[int, Dim] = {}
    present: list[set[int]] = []
    for value, absent in zip(kernel.inputs, missing, strict=True):
        axes = [axis for axis in range(len(shape(value)) + len(absent)) if axis not in absent]
        extents.update(zip(axes, shape(value), strict=True))
        present.append(set(axes))
    first = present[0] | present[1]
    early = (first & summed) - present[2]
    second = (first - early) | present[2]
    return _contraction(first, bool(early), extents) + _contraction(second, bool(second & summed), extents)


def _axes(kernel: Kernel, name: str) -> tuple[int, ...]:
    given = kernel.attributes.get(name)
    return tuple(axis for axis in given if isinstance(axis, int)) if isinstance(given, tuple) else ()


def _contraction(axes: set[int], summed: bool, extents: Mapping[int, Dim]) -> Cost:
    points = math.prod(extents[axis] for axis in axes)
    return Cost(matrix=2 * points) if summed else Cost(pointwise=points)


@operators("aten._cdist_forward", "aten._pdist_forward")
def _cdist(kernel: Kernel) -> Cost:
    """Distances of all pairs in d dimensions: a subtraction, a power and an addition for each coordinate, and a root."""
    return Cost(pointwise=(3 * shape(kernel.inputs[0])[-1] + 1) * numel(kernel.outputs[0]))


@operators("aten._cdist_backward", "aten._pdist_backward")
def _cdist_backward(kernel: Kernel) -> Cost:
    """For each pair and coordinate: the difference again, its share of the distance, times dy, added: 4."""
    return Cost(pointwise=4 * shape(kernel.inputs[1])[-1] * numel(kernel.inputs[0]))


@operators("aten._euclidean_dist")
def _euclidean_dist(kernel: Kernel) -> Cost:
    """‖x‖² + ‖y‖² − 2 x·y by one product of inner extent d + 2, then a root; the norms are 2 · d for each point."""
    x, y = kernel.inputs[:2]
    inner = shape(x)[-1] + 2
    return Cost(2 * inner * numel(kernel.outputs[0]), numel(kernel.outputs[0]) + 2 * (numel(x) + numel(y)))


# As authors write them ------------------------------------------------------------------------------------------------


def _write_linear(node: Operation) -> Standard | None:
    if not is_known(node) or len(node.inputs) < 2 or [rank_of(value) for value in node.inputs[:2]] != [2, 2]:
        return None
    return Standard("Gemm", node.inputs, node.outputs, {"transB": 1})


operators.declare("linear", library="", onnx=_write_linear)
operators.declare("matmul", library="", onnx=_write_matmul)
operators.declare(
    """
    bilinear cdist chain_matmul einsum grouped_mm int_mm kron multi_dot scaled_grouped_mm scaled_mm tensordot
    """,
    library="",
)
