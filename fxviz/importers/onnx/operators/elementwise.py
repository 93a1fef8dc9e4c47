"""Operations on the matching elements of tensors: arithmetic, comparisons, activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step
from fxviz.ir import TensorType, Value

if TYPE_CHECKING:
    from fxviz.importers.onnx.operation import Operand

__all__ = ["add", "between", "rules"]

rules: RuleTable[Translation] = RuleTable()

_CHAINED = {"Sum": "add", "Min": "minimum", "Max": "maximum"}


def _chained(kernel: str) -> Translation:
    """Translate an operator on any number of operands, two at a time."""

    def rule(operation: Operation) -> list[Step] | None:
        first, *rest = operation.operands
        if not rest:
            return [step("aten.alias.default", {"self": first}, operation.outputs)]
        steps: list[Step] = []
        for position, operand in enumerate(rest):
            result = operation.outputs[0] if position == len(rest) - 1 else between(operation)
            steps.append(step(f"aten.{kernel}.Tensor", {"self": first, "other": operand}, (result,)))
            first = result
        return steps

    return rule


for _name, _kernel in _CHAINED.items():
    rules(_name)(_chained(_kernel))


def between(operation: Operation, type: TensorType | None = None) -> Value:
    """Return a tensor between two kernels of an operation, by default of the type of its result."""
    output = operation.outputs[0]
    return Value("", type or (output.type if output else None))


def add(a: Operand, b: Operand, result: Value) -> Step:
    """Return ``result = a + b`` as a kernel."""
    return step("aten.add.Tensor", {"self": a, "other": b}, (result,))


@rules("Mean")
def _mean(operation: Operation) -> list[Step] | None:
    """Translate a sum, divided by how many there are."""
    first, *rest = operation.operands
    steps: list[Step] = []
    for operand in rest:
        total = between(operation)
        steps.append(add(first, operand, total))
        first = total
    return [*steps, step("aten.div.Scalar", {"self": first}, operation.outputs, {"other": len(operation.operands)})]


@rules("BitShift")
def _bit_shift(operation: Operation) -> list[Step]:
    kernel = "bitwise_left_shift" if operation.attributes.get("direction") == "LEFT" else "bitwise_right_shift"
    operands = {"self": operation.operand(0), "other": operation.operand(1)}
    return [step(f"aten.{kernel}.Tensor", operands, operation.outputs)]


@rules("Where")
def _where(operation: Operation) -> list[Step]:
    names = ("condition", "self", "other")
    operands = {name: operation.operand(position) for position, name in enumerate(names)}
    return [step("aten.where.self", operands, operation.outputs)]


@rules("Clip")
def _clip(operation: Operation) -> list[Step]:
    operands = {name: operation.operand(position) for position, name in enumerate(("self", "min", "max"))}
    attributes = {name: operation.attributes.get(name) for name in ("min", "max")}
    given = {name: bound for name, bound in attributes.items() if bound is not None}
    return [step("aten.clamp.default", operands, operation.outputs, given)]


@rules("Softsign")
def _softsign(operation: Operation) -> list[Step]:
    """``x / (1 + |x|)``."""
    x, size, below = operation.operand(0), between(operation), between(operation)
    return [
        step("aten.abs.default", {"self": x}, (size,)),
        step("aten.add.Scalar", {"self": size}, (below,), {"other": 1}),
        step("aten.div.Tensor", {"self": x, "other": below}, operation.outputs),
    ]


@rules("Bernoulli")
def _bernoulli(operation: Operation) -> list[Step]:
    return [step("aten.bernoulli.default", {"self": operation.operand(0)}, operation.outputs)]


@rules("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike")
def _random(operation: Operation) -> list[Step]:
    kernel = "normal_functional" if "Normal" in operation.op_type else "uniform"
    return [step(f"aten.{kernel}.default", {"self": operation.operand(0)}, operation.outputs)]


# onnxruntime's fused ones ---------------------------------------------------------------------------------------------


@rules("com.microsoft.Gelu")
def _gelu(operation: Operation) -> list[Step]:
    return [step("aten.gelu.default", {"self": operation.operand(0)}, operation.outputs)]


@rules("com.microsoft.QuickGelu")
def _quick_gelu(operation: Operation) -> list[Step]:
    """``x · sigmoid(α · x)``."""
    x, scaled, gate = operation.operand(0), between(operation), between(operation)
    return [
        step("aten.mul.Scalar", {"self": x}, (scaled,), {"other": operation.attributes.get("alpha", 1.702)}),
        step("aten.sigmoid.default", {"self": scaled}, (gate,)),
        step("aten.mul.Tensor", {"self": x, "other": gate}, operation.outputs),
    ]


@rules("com.microsoft.BiasGelu", "com.microsoft.FastGelu")
def _bias_gelu(operation: Operation) -> list[Step]:
    x, bias, steps = operation.operand(0), operation.operand(1), []
    if bias is not None:
        total = between(operation)
        steps.append(add(x, bias, total))
        x = total
    attributes = {"approximate": "tanh"} if operation.op_type == "FastGelu" else {}
    return [*steps, step("aten.gelu.default", {"self": x}, operation.outputs, attributes)]
