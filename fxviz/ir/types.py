"""Sizes, tensor types, and arguments that are not tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import sympy

from fxviz.ir.dtypes import bits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attribute", "Dim", "TensorType", "as_dim"]

Dim: TypeAlias = int | sympy.Expr
"""An extent, or a total over extents; an ``int`` whenever it is static."""

Attribute: TypeAlias = (
    "bool | int | float | complex | str | sympy.Expr | tuple[Attribute, ...] | Mapping[str, Attribute] | None"
)
"""An argument that is not a tensor. A dtype, a device, or a function is kept as its name."""


def as_dim(number: int | sympy.Expr) -> Dim:
    """Return ``number`` as an ``int`` if it is one, such as an integer of sympy or a product with zero.

    >>> type(as_dim(sympy.Integer(3))), as_dim(sympy.Symbol("B"))
    (<class 'int'>, B)
    """
    return int(number) if isinstance(number, sympy.Integer) else number


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape, dtype (torch's name, ``"float32"``) and device (``"cpu"``, ``"cuda:0"``) of a tensor."""

    shape: tuple[Dim, ...]
    dtype: str
    device: str = "cpu"

    @property
    def numel(self) -> Dim:
        """The number of elements.

        >>> TensorType((2, 3, 4), "float32").numel
        24
        """
        return as_dim(math.prod(self.shape))

    @property
    def nbytes(self) -> Dim:
        """The bytes that the elements take, packed where the dtype is narrower than a byte.

        >>> TensorType((3, 5), "bfloat16").nbytes, TensorType((3,), "uint4").nbytes
        (30, 2)
        """
        bits = self.numel * bits_of(self.dtype)
        return -(-bits // 8) if isinstance(bits, int) else as_dim(sympy.ceiling(bits / 8))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"
