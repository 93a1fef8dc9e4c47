"""Tensor types, names and texts as ONNX has them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Dim, TensorType

__all__ = ["ELEMENT_TYPES", "clean_text", "type_proto"]

_IRREGULAR = {
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "float4_e2m1fn_x2": "FLOAT4E2M1",
    "float8_e4m3fn": "FLOAT8E4M3FN",
    "float8_e4m3fnuz": "FLOAT8E4M3FNUZ",
    "float8_e5m2": "FLOAT8E5M2",
    "float8_e5m2fnuz": "FLOAT8E5M2FNUZ",
    "float8_e8m0fnu": "FLOAT8E8M0",
}
_REGULAR = (
    *("bool", "float16", "bfloat16", "complex64", "complex128"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)),
)
_KNOWN = dict(onnx.TensorProto.DataType.items())

ELEMENT_TYPES: Mapping[str, int] = MappingProxyType(
    {
        dtype: _KNOWN[name]
        for dtype, name in (_IRREGULAR | {dtype: dtype.upper() for dtype in _REGULAR}).items()
        if name in _KNOWN  # the narrowest types came with later versions of onnx
    }
)
"""ONNX's number of every dtype that it has; absent are those such as ``qint8`` and ``complex32`` that it does not."""


def type_proto(type: TensorType | None) -> onnx.TypeProto:
    """``type`` in ONNX, symbolic extents by the user's names; what is not known is an undefined element type."""
    proto = onnx.TypeProto()
    tensor = proto.tensor_type
    tensor.elem_type = ELEMENT_TYPES.get(type.dtype, onnx.TensorProto.UNDEFINED) if type else onnx.TensorProto.UNDEFINED
    tensor.shape.SetInParent()
    for extent in type.shape if type else ():
        _write_extent(tensor.shape.dim.add(), extent)
    return proto


def _write_extent(dim: onnx.TensorShapeProto.Dimension, extent: Dim) -> None:
    if isinstance(extent, int) and extent != 0:
        dim.dim_value = extent
    else:
        dim.dim_param = str(extent)  # Netron takes the number 0 for an extent that is not known


def clean_text(text: str) -> str:
    r"""``text`` as protobuf takes it: halves of surrogate pairs are written as escapes.

    >>> clean_text("né\ud800")
    'né\\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode()
