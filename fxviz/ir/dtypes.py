"""The element types of tensors, by torch's names, and their widths in bits."""

from collections.abc import Mapping
from types import MappingProxyType

from fxviz.errors import GraphError

__all__ = ["DTYPE_BITS", "bits_of", "is_integer"]

# Sub-byte types are stored packed; `float4_e2m1fn_x2` is torch's name for two such values in one byte.
DTYPE_BITS: Mapping[str, int] = MappingProxyType(
    {
        **{"bool": 8, "bits8": 8, "bits16": 16, "bits1x8": 8, "bits2x4": 8, "bits4x2": 8},
        **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64)},
        **{"qint8": 8, "quint8": 8, "qint32": 32, "quint4x2": 4, "quint2x4": 2},
        **{"float6_e2m3fn": 6, "float6_e3m2fn": 6},  # from files: torch has none
        **{"float4_e2m1fn_x2": 8, "float8_e4m3fn": 8, "float8_e4m3fnuz": 8, "float8_e5m2": 8},
        **{"float8_e5m2fnuz": 8, "float8_e8m0fnu": 8, "bfloat16": 16, "float16": 16, "float32": 32, "float64": 64},
        **{"complex32": 32, "bcomplex32": 32, "complex64": 64, "complex128": 128},
    }
)


def bits_of(dtype: str) -> int:
    """Return the width of one element of ``dtype`` in bits.

    >>> bits_of("bfloat16"), bits_of("uint4")
    (16, 4)
    """
    if (bits := DTYPE_BITS.get(dtype)) is None:
        raise GraphError(f"unknown dtype {dtype!r}; known are {', '.join(sorted(DTYPE_BITS))}")
    return bits


def is_integer(dtype: str) -> bool:
    """Return whether the elements of ``dtype`` are integers, quantised ones included.

    >>> is_integer("int8"), is_integer("quint8"), is_integer("bfloat16"), is_integer("bool")
    (True, True, False, False)
    """
    return dtype.lstrip("qu").startswith("int")
