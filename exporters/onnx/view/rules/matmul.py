"""Matrix products, convolutions and attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import (
    Operation,
    OperatorRule,
    Standard,
    is_known,
    rank_of,
    real,
    shape_of,
    spread,
)

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()


@operators("linear")
def _linear(node: Operation) -> Standard | None:
    if not is_known(node) or len(node.inputs) < 2 or [rank_of(value) for value in node.inputs[:2]] != [2, 2]:
        return None
    return Standard("Gemm", node.inputs, node.outputs, {"transB": 1})


@operators("aten.addmm")
def _addmm(kernel: Operation) -> Standard | None:
    bias, a, b = kernel.inputs
    scales = {name: real(kernel.attributes.get(name, 1)) for name in ("alpha", "beta")}
    return Standard("Gemm", (a, b, bias), kernel.outputs, {name: scale for name, scale in scales.items() if scale != 1})


@operators("matmul", "aten.mm", "aten.bmm", "aten.dot", "aten.mv")
def _matmul(operation: Operation) -> Standard | None:
    if len(operation.inputs) != 2 or not is_known(operation):
        return None
    return Standard("MatMul", operation.inputs, operation.outputs)


@operators("aten.convolution")
def _convolution(kernel: Operation) -> Standard | None:
    x, weight = kernel.inputs[:2]
    spatial = rank_of(weight) - 2
    if rank_of(x) != spatial + 2:
        return None
    given = kernel.attributes
    padding = spread(given.get("padding"), spatial)
    attributes: dict[str, Attribute] = {
        "kernel_shape": shape_of(weight)[2:],
        "strides": spread(given.get("stride"), spatial),
        "pads": padding * 2,
        "dilations": spread(given.get("dilation"), spatial),
        "group": given.get("groups", 1),
    }
    if not given.get("transposed"):
        return Standard("Conv", kernel.inputs, kernel.outputs, attributes)
    attributes["output_padding"] = spread(given.get("output_padding"), spatial)
    return Standard("ConvTranspose", kernel.inputs, kernel.outputs, attributes)


@operators("scaled_dot_product_attention")
def _attention(node: Operation) -> Standard | None:
    query, key, value, *masks = node.inputs
    mask = node.input("attn_mask")
    if (
        not is_known(node)
        or [rank_of(each) for each in (query, key, value)] != [4, 4, 4]
        or masks != [mask] * len(masks)
    ):
        return None
    given = node.attributes
    causal = bool(given.get("is_causal"))
    # With unequal lengths the two mean different diagonals.
    if given.get("dropout_p") or (causal and shape_of(query)[2] != shape_of(key)[2]):
        return None
    attributes: dict[str, Attribute] = {"is_causal": 1} if causal else {}
    if (scale := given.get("scale")) is not None:
        attributes["scale"] = real(scale)
    return Standard("Attention", (query, key, value, mask) if mask else (query, key, value), node.outputs, attributes)
