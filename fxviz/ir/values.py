"""Values, which are tensors, and the storages behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir.types import Dim, TensorType

__all__ = ["CATEGORY_OF_ROLE", "Category", "Role", "Storage", "Value"]


class Role(Enum):
    """The role of a value in the graph."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"  # a tensor that the model holds, or makes outside any recorded operation
    RESULT = "result"


class Category(Enum):
    """The purpose of a storage."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    ACTIVATION = "activation"  # made by one node and read by another, or returned
    SAVED = "saved"  # an activation of the forward pass that is still alive in the backward pass
    TEMPORARY = "temporary"  # allocated and freed within one node
    GRADIENT = "gradient"
    OPTIMIZER = "optimizer"


CATEGORY_OF_ROLE: Mapping[Role, Category] = MappingProxyType(
    {
        Role.INPUT: Category.INPUT,
        Role.PARAMETER: Category.PARAMETER,
        Role.BUFFER: Category.BUFFER,
        Role.CONSTANT: Category.CONSTANT,
    }
)
"""The category of the storage behind each value that exists before the run."""


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """The memory behind one or more values, with its observed lifetime.

    Steps count kernels: ``born`` is the index of the kernel that allocated it, -1 if it existed before the run.
    ``died`` is the index of the first kernel that ran without it, None if it outlived the run.
    """

    nbytes: Dim
    category: Category
    born: int = -1
    died: int | None = None
    device: str = "cpu"

    def alive_at(self, step: int) -> bool:
        """Return whether the memory is held while kernel ``step`` runs."""
        return self.born <= step and (self.died is None or step < self.died)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor, compared by identity. Sizes are not values: an integer computed from shapes is an attribute.

    An in-place operation makes a new value on the same storage. ``type`` and ``storage`` are None where a graph was
    traced without inputs. ``trainable`` is torch's ``requires_grad`` of a parameter.
    """

    name: str
    type: TensorType | None
    role: Role = Role.RESULT
    storage: Storage | None = None
    trainable: bool = False

    def __str__(self) -> str:
        return f"%{self.name}: {self.type or '?'}"
