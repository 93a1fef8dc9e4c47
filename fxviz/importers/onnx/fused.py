"""The types that the fused operators of onnxruntime give, of which ONNX has no schema."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fxviz.importers.onnx.shape_rules import Shape, divided, matmul, shape_of, tidy, windows
from fxviz.ir import TensorType, Value

if TYPE_CHECKING:
    from fxviz.importers.onnx.operation import Operation

__all__ = ["fused_types"]

_LIKE_FIRST = frozenset(
    (
        *("BiasGelu", "FastGelu", "Gelu", "QuickGelu", "RotaryEmbedding", "BiasAdd", "BiasDropout"),
        *("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "SimplifiedLayerNormalization"),
    )
)


def fused_types(operation: Operation, unknown: list[TensorType | None]) -> list[TensorType | None]:
    """Return the types of the outputs of a fused operator of ``com.microsoft``, for which ONNX has no schema."""
    first = operation.type(0)
    if operation.domain != "com.microsoft" or first is None:
        return unknown
    name, shape = operation.op_type, first.shape
    if name in _LIKE_FIRST:
        sums = [
            first if place == 3 else None for place in range(1, len(unknown))
        ]  # what is normalised comes out fourth
        return [first, *sums]
    found: Shape | None = None
    if name == "MatMulNBits" and isinstance(width := operation.attributes.get("N"), int):
        found = (*shape[:-1], width)
    elif name in ("FusedMatMul", "FusedGemm", "MatMulIntegerToFloat"):
        flips = [operation.integer(f"trans{side}", 0) for side in "AB"]
        a, b = (_swapped(shape_of(operation, place), flip) for place, flip in enumerate(flips))
        found = matmul(replace(operation, operands=(_like(a, first), _like(b, first)))) if a and b else None
    elif name == "FusedConv":
        found = windows(replace(operation, op_type="Conv"))
    elif name in ("GroupQueryAttention", "MultiHeadAttention") and len(shape) == 3:
        found = shape if operation.operand(1) is not None else None
        if name == "MultiHeadAttention" and (value := shape_of(operation, 2)) and len(value) == 3:
            found = (*shape[:-1], value[-1])
    elif name == "Attention" and (weight := shape_of(operation, 1)) and len(weight) == 2:
        sizes = operation.integers("qkv_hidden_sizes")
        found = (*shape[:-1], sizes[2] if sizes and len(sizes) == 3 else divided(weight[1], 3))
    found = tidy(found)
    return [TensorType(found, first.dtype), *unknown[1:]] if found is not None and unknown else unknown


def _swapped(shape: Shape | None, flip: int) -> Shape | None:
    return (*shape[:-2], shape[-1], shape[-2]) if shape and flip and len(shape) > 1 else shape


def _like(shape: Shape, type: TensorType) -> Value:
    return Value("", TensorType(shape, type.dtype))
