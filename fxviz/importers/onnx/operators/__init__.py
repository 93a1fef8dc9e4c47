"""ONNX operators as the ATen kernels that compute exactly the same; those that take several kernels, one family a file.

What one kernel computes is said by the record of that kernel (`fxviz.analysis.ops.Operator.reads`).
What ATen has no kernel for stays an operator of ONNX: analyses find rules for it under ``onnx.NAME`` or, of another
domain, ``com.microsoft.NAME``, or count it as unknown.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step
from fxviz.importers.onnx.operators import attention, elementwise, matrix, moves, normalization, reduction
from fxviz.passes.operators import OPERATORS

if TYPE_CHECKING:
    from fxviz.analysis.ops import Reading

__all__ = ["translate", "translations"]


def _translation(name: str, read: Reading) -> Translation:
    """Return the translation of an operator that one kernel computes exactly, as the kernel's record says."""

    def rule(operation: Operation) -> list[Step]:
        operands = {operand: operation.operand(position) for position, operand in enumerate(read.operands)}
        attributes = {ours: operation.attributes.get(theirs) for theirs, ours in read.attributes.items()}
        return [step(f"{name}.{read.overload}", operands, operation.outputs, attributes)]

    return rule


translations: RuleTable[Translation] = reduce(
    or_,
    (family.rules for family in (attention, elementwise, matrix, moves, normalization, reduction)),
    RuleTable({read.op_type: _translation(name, read) for name, op in OPERATORS.items() for read in op.reads}),
)
"""The rules by operator, ``Conv`` or ``com.microsoft.BiasGelu``."""


def translate(operation: Operation) -> list[Step]:
    """Return the kernels that ``operation`` runs: itself as one if no other does the same, or its types are not known."""
    typed = all(operand.type for operand in operation.operands if operand) and all(
        value.type for value in operation.outputs if value
    )
    rule = translations.find(operation.op) if typed else None
    steps = rule(operation) if rule is not None else None
    made = {value for step in steps or () for value in step.outputs}
    if steps and all(value in made for value in operation.outputs if value):
        return steps
    return [itself(operation)]


def itself(operation: Operation) -> Step:
    """Return an operation as a kernel of its own name."""
    operands = {name: operand for name, operand in zip(operation.names, operation.operands, strict=True) if operand}
    return step(operation.kernel, operands, operation.outputs, operation.attributes)
