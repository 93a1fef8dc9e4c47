"""From floating point to integers and back."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step

__all__ = ["rules"]

rules: RuleTable[Translation] = RuleTable()

_KERNELS = {
    "QuantizeLinear": "aten.quantize_per_tensor.default",
    "DequantizeLinear": "aten.dequantize.self",
    "DynamicQuantizeLinear": "aten.quantize_per_tensor_dynamic.default",
}


def _quantize(kernel: str) -> Translation:
    def rule(operation: Operation) -> list[Step]:
        operands = {name: operation.operand(place) for place, name in enumerate(("self", "scale", "zero_point"))}
        return [step(kernel, operands, operation.outputs)]

    return rule


for _name, _kernel in _KERNELS.items():
    rules(_name, f"com.microsoft.{_name}")(_quantize(_kernel))
