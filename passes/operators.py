"""Every operator that fxviz knows: the records of all families as one table, and the kind of an operation by its name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.errors import FxvizError
from fxviz.passes.rules import (
    activation,
    attention,
    convolution,
    data,
    elementwise,
    embedding,
    fft,
    layout,
    linalg,
    loss,
    matmul,
    normalization,
    onnx,
    optimizer,
    pooling,
    quantization,
    random,
    recurrent,
    reduction,
    resampling,
    sorting,
    vision,
)
from fxviz.passes.rules.cost import free

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.ops import Kind, Operator, Operators

__all__ = ["FAMILIES", "FREE_OPS", "KINDS", "OPERATORS", "kind_of"]

FAMILIES: Mapping[str, Operators] = MappingProxyType(
    {
        family.__name__.rpartition(".")[2]: family.operators
        for family in (
            *(activation, attention, convolution, data, elementwise, embedding, fft, layout, linalg, loss, matmul),
            *(normalization, onnx, optimizer, pooling, quantization, random, recurrent, reduction, resampling, sorting),
            vision,
        )
    }
)
"""The operators by family; each is in one of them."""


def _joined(families: Mapping[str, Operators]) -> Mapping[str, Operator]:
    records: dict[str, Operator] = {}
    for family, operators in families.items():
        if twice := records.keys() & operators.keys():
            raise FxvizError(f"declared twice, the second time in {family}: {', '.join(sorted(twice))}")
        records.update(operators)
    return MappingProxyType(records)


OPERATORS: Mapping[str, Operator] = _joined(FAMILIES)
"""The record of every operator by its name."""


FREE_OPS = frozenset(name for name, operator in OPERATORS.items() if operator.flops is free)
"""The operators without arithmetic: views, metadata, allocation, copies and casts, moves of whole elements."""


def _kinds(operators: Mapping[str, Operator]) -> dict[str, Kind]:
    """Return the kinds by the names that authors and ONNX files use; gradients have none, and no colour in a picture."""
    forward = [operator for operator in operators.values() if "_backward" not in operator.name]
    return {
        **{read.op_type: operator.kind for operator in forward for read in operator.reads},
        **{operator.author_name: operator.kind for operator in forward},
    }


KINDS: RuleTable[str] = RuleTable(_kinds(OPERATORS))
"""The kind of each operation by the author's name for it; ``KINDS | {"my_op": "matrix"}`` is a table with more."""


def kind_of(op: str, kinds: RuleTable[str] = KINDS) -> str:
    """Return the kind of an operation, ``"other"`` if it is not known; ``add_`` works in place and counts as ``add``.

    >>> kind_of("conv2d"), kind_of("add_"), kind_of("__add__"), kind_of("my_op")
    ('matrix', 'elementwise', 'elementwise', 'other')
    """
    return kinds.find(op) or kinds.find(op.strip("_")) or "other"
