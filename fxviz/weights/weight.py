"""A parameter or buffer, as its source describes it before any value is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fxviz.ir.dtypes import DTYPE_BITS

if TYPE_CHECKING:
    from fxviz.ir import Role, TensorType
    from fxviz.weights.values import Values

__all__ = ["Weight", "has_numbers"]


@dataclass(frozen=True, eq=False)
class Weight:
    """A parameter or buffer of a model.

    ``type`` is None if its shape is not known yet (a lazy module). ``role`` and ``trainable`` are None if the source
    does not say: a state dict and a file have only names and tensors. ``shared_with`` lists its other names. ``values``
    and ``gradient`` are None if there are none, or if their elements are not plain numbers.
    """

    name: str
    type: TensorType | None
    role: Role | None = None
    trainable: bool | None = None
    shared_with: tuple[str, ...] = ()
    values: Values | None = field(default=None, repr=False)
    gradient: Values | None = field(default=None, repr=False)

    @property
    def module(self) -> str:
        """The path of the module that owns it; empty for the model itself."""
        return self.name.rpartition(".")[0]


def has_numbers(dtype: str) -> bool:
    """Return whether each element of ``dtype`` is one real number: packed and complex dtypes are not.

    >>> has_numbers("bfloat16"), has_numbers("int8"), has_numbers("complex64"), has_numbers("float4_e2m1fn_x2")
    (True, True, False, False)
    """
    return DTYPE_BITS.get(dtype, 0) >= 8 and not dtype.startswith(("complex", "bits", "float4"))
