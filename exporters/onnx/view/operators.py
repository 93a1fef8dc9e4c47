"""Write operations as standard ONNX operators, where one computes exactly the same.

The rules are those of the operators' records (`fxviz.analysis.ops.Operator.onnx`). A rule sees one ATen kernel, or a whole
node if its author's operation runs several. Values must be equal, not only similar: the tests run each rule in
onnxruntime against torch. Checks of dtypes and of symbolic numbers are made here, in `lower`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import onnx

from fxviz.analysis.rules import RuleTable
from fxviz.analysis.standard import Literal, Standard, StandardRule, dtype_of, is_known
from fxviz.importers.onnx.format import ELEMENT_TYPES
from fxviz.passes.operators import OPERATORS

if TYPE_CHECKING:
    from fxviz.ir import Attribute, Kernel, Node

__all__ = ["OPSET", "Literal", "Standard", "StandardRule", "lower", "operators"]

OPSET = 23
"""The version of the standard operators: the first with Attention."""

operators: RuleTable[StandardRule] = RuleTable(
    {name: operator.onnx for name, operator in OPERATORS.items() if operator.onnx is not None}
)
"""The rules, by the operation of a node (``linear``) or by the kernel that is all that a node runs (``aten.relu``)."""


def lower(node: Node, rules: RuleTable[StandardRule] = operators) -> Standard | None:
    """Return ``node`` as a standard operator that computes the same, or None."""
    if (rule := rules.find(node.op)) is not None and (standard := rule(node)) is not None:
        return _checked(standard)
    if len(kernels := _working(node)) != 1:
        return None
    (kernel,) = kernels
    if (rule := rules.find_kernel(kernel.op)) is None or not kernel.inputs or not is_known(kernel):
        return None  # a kernel of numbers alone has no tensor that a standard operator could read
    standard = rule(kernel)
    if standard is None or not set(node.outputs) <= set(standard.outputs):
        return None
    # What a kernel returns beside the result of its node, such as the mean of a layer norm, is not used.
    outputs = tuple(value if value in node.outputs else None for value in standard.outputs)
    return _checked(Standard(standard.op_type, standard.inputs, outputs, standard.attributes))


def _working(node: Node) -> list[Kernel]:
    """Return the kernels whose results are used; batch norm also makes an empty tensor, for a backward pass."""
    used = {value for kernel in node.kernels for value in kernel.inputs} | set(node.outputs)
    return [kernel for kernel in node.kernels if not used.isdisjoint(kernel.outputs)]


def _checked(standard: Standard) -> Standard | None:
    literals = [operand for operand in standard.inputs if isinstance(operand, Literal)]
    if not all(map(_is_static, standard.attributes.values())) or not all(map(_fits, literals)):
        return None
    inputs, outputs = tuple(map(dtype_of, standard.inputs)), tuple(map(dtype_of, standard.outputs))
    return standard if _accepts(standard.op_type, inputs, outputs) else None


def _is_static(attribute: Attribute) -> bool:
    if isinstance(attribute, tuple):
        return all(map(_is_static, attribute))
    return isinstance(attribute, bool | int | float | str)


def _fits(literal: Literal) -> bool:
    """Return whether the numbers can be written in the dtype of the literal without rounding to whole numbers."""
    values = literal.value if isinstance(literal.value, tuple) else (literal.value,)
    if "float" in literal.dtype:
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    wanted = bool if literal.dtype == "bool" else int
    return all(type(value) is wanted for value in values)


@lru_cache(maxsize=4096)
def _accepts(op_type: str, inputs: tuple[str | None, ...], outputs: tuple[str | None, ...]) -> bool:
    """Return whether the operator's schema allows this number of operands, these dtypes together, and what is left out."""
    if not onnx.defs.has(op_type, OPSET, ""):
        return False
    schema = onnx.defs.get_schema(op_type, OPSET, "")
    if not schema.min_input <= len(inputs) <= schema.max_input:
        return False
    if not schema.min_output <= len(outputs) <= schema.max_output:
        return False
    allowed = {constraint.type_param_str: constraint.allowed_type_strs for constraint in schema.type_constraints}
    bound: dict[str, str] = {}
    for formals, dtypes in ((schema.inputs, inputs), (schema.outputs, outputs)):
        for position, dtype in enumerate(dtypes):
            formal = formals[min(position, len(formals) - 1)]
            if dtype == "" and formal.option == onnx.defs.OpSchema.FormalParameterOption.Optional:
                continue
            if dtype is None or dtype not in ELEMENT_TYPES:
                return False
            variable = formal.type_str
            actual = _type_string(ELEMENT_TYPES[dtype])
            if actual not in allowed.get(variable, (variable,)) or bound.setdefault(variable, actual) != actual:
                return False
    return True


def _type_string(element_type: int) -> str:
    return f"tensor({onnx.TensorProto.DataType.Name(element_type).lower()})"
