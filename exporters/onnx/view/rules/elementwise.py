"""Arithmetic, comparisons and casts, element by element."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import Operation, OperatorRule, Standard, dtype_of, operand_of
from fxviz.importers.onnx.format import ELEMENT_TYPES
from fxviz.ir import Value

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()

_ELEMENTWISE = {
    **{"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "HardSwish", "mish": "Mish"},
    **{
        "exp": "Exp",
        "log": "Log",
        "sqrt": "Sqrt",
        "erf": "Erf",
        "reciprocal": "Reciprocal",
        "sin": "Sin",
        "cos": "Cos",
    },
    **{"neg": "Neg", "abs": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "logical_not": "Not"},
}
_PAIRWISE = {
    **{"mul": "Mul", "maximum": "Max", "minimum": "Min", "logical_and": "And", "logical_or": "Or"},
    **{"eq": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual"},
}


def _elementwise(op_type: str) -> OperatorRule:
    return lambda kernel: Standard(op_type, kernel.inputs[:1], kernel.outputs)


def _pairwise(op_type: str) -> OperatorRule:
    return lambda kernel: Standard(
        op_type, (kernel.inputs[0], operand_of(kernel, "other", kernel.inputs[0])), kernel.outputs
    )


for _aten, _op_type in _ELEMENTWISE.items():
    operators(f"aten.{_aten}", f"aten.{_aten}_")(_elementwise(_op_type))
for _aten, _op_type in _PAIRWISE.items():
    operators(f"aten.{_aten}", f"aten.{_aten}_")(_pairwise(_op_type))


@operators("aten.add", "aten.add_")
def _add(kernel: Operation) -> Standard | None:
    return _pairwise("Add")(kernel) if kernel.attributes.get("alpha", 1) == 1 else None


@operators("aten.sub", "aten.sub_")
def _sub(kernel: Operation) -> Standard | None:
    return _pairwise("Sub")(kernel) if kernel.attributes.get("alpha", 1) == 1 else None


@operators("aten.rsub")
def _rsub(kernel: Operation) -> Standard | None:
    if kernel.attributes.get("alpha", 1) != 1:
        return None
    x = kernel.inputs[0]
    return Standard("Sub", (operand_of(kernel, "other", x), x), kernel.outputs)


@operators("aten.div", "aten.div_")
def _div(kernel: Operation) -> Standard | None:
    (x, *_), y = kernel.inputs, kernel.outputs[0]
    # Whole numbers divided are no whole number in torch.
    if kernel.attributes.get("rounding_mode") is not None or dtype_of(x) != dtype_of(y):
        return None
    return _pairwise("Div")(kernel)


@operators("aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor")
def _pow(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    return Standard("Pow", (x, operand_of(kernel, "exponent", x)), kernel.outputs)


@operators("aten.where.self")
def _where(kernel: Operation) -> Standard | None:
    return Standard("Where", kernel.inputs, kernel.outputs) if len(kernel.inputs) == 3 else None


@operators("aten.masked_fill", "aten.masked_fill_")
def _masked_fill(kernel: Operation) -> Standard | None:
    x, mask = kernel.inputs[:2]
    return Standard("Where", (mask, operand_of(kernel, "value", x), x), kernel.outputs)


@operators("aten.clamp", "aten.clamp_", "aten.clamp_min", "aten.clamp_max", "aten.clamp_min_", "aten.clamp_max_")
def _clamp(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (operand_of(kernel, "min", x), operand_of(kernel, "max", x))
    return None if any(isinstance(bound, Value) for bound in bounds) else Standard("Clip", (x, *bounds), kernel.outputs)


@operators("aten._to_copy")
def _to_copy(kernel: Operation) -> Standard | None:
    (x,), (y,) = kernel.inputs, kernel.outputs
    assert x.type
    assert y.type
    if x.type.device != y.type.device or not {x.type.dtype, y.type.dtype} <= _CASTABLE:
        return None
    return Standard("Cast", (x,), (y,), {"to": ELEMENT_TYPES[y.type.dtype]})


# Narrower types differ in how they saturate.
_CASTABLE = {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"}
