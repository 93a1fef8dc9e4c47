"""Activations, softmax, and the dropout that drops nothing."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import (
    Literal,
    Operation,
    OperatorRule,
    Standard,
    dtype_of,
    is_known,
    real,
    shape_of,
)

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()


@operators("aten.hardtanh", "aten.hardtanh_")
def _hardtanh(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (kernel.attributes.get("min_val", -1.0), kernel.attributes.get("max_val", 1.0))
    return Standard("Clip", (x, *(Literal(bound, dtype_of(x) or "") for bound in bounds)), kernel.outputs)


@operators("aten.leaky_relu", "aten.leaky_relu_")
def _leaky_relu(kernel: Operation) -> Standard | None:
    slope = kernel.attributes.get("negative_slope", 0.01)
    return Standard("LeakyRelu", kernel.inputs, kernel.outputs, {"alpha": real(slope)})


@operators("aten.elu", "aten.elu_")
def _elu(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    if given.get("input_scale", 1) != 1:
        return None
    alpha, scale = real(given.get("alpha", 1.0)), real(given.get("scale", 1.0))
    if scale == 1.0:
        return Standard("Elu", kernel.inputs, kernel.outputs, {"alpha": alpha})
    return Standard("Selu", kernel.inputs, kernel.outputs, {"alpha": alpha, "gamma": scale})


@operators("prelu")
def _prelu(node: Operation) -> Standard | None:
    # torch's slopes are those of the channels, ONNX's those of the last dimension.
    if not is_known(node) or len(node.inputs) != 2 or shape_of(node.inputs[1]) != (1,):
        return None
    return Standard("PRelu", node.inputs, node.outputs)


@operators("aten.hardsigmoid", "aten.hardsigmoid_")
def _hardsigmoid(kernel: Operation) -> Standard | None:
    # torch: relu6(x + 3) / 6
    return Standard("HardSigmoid", kernel.inputs, kernel.outputs, {"alpha": 1 / 6, "beta": 0.5})


@operators("aten.softplus")
def _softplus(kernel: Operation) -> Standard | None:
    # Above its threshold torch gives x itself; from 20 on, ln(1 + e^x) rounds to that in single precision.
    given = kernel.attributes
    threshold = given.get("threshold", 20)
    same = given.get("beta", 1) == 1 and isinstance(threshold, int | float) and threshold >= 20
    return (
        Standard("Softplus", kernel.inputs, kernel.outputs)
        if same and dtype_of(kernel.inputs[0]) != "float64"
        else None
    )


@operators("dropout", "dropout1d", "dropout2d", "dropout3d")
def _dropout(node: Operation) -> Standard | None:
    # Without its optional inputs, ONNX's is the one of inference, which drops nothing.
    return Standard("Dropout", node.inputs, node.outputs) if node.attributes.get("training") is False else None


@operators("aten.gelu", "aten.gelu_")
def _gelu(kernel: Operation) -> Standard | None:
    approximate = kernel.attributes.get("approximate", "none")
    return Standard("Gelu", kernel.inputs, kernel.outputs, {"approximate": approximate})


@operators("aten._softmax", "aten._log_softmax")
def _softmax(kernel: Operation) -> Standard | None:
    op_type = "LogSoftmax" if "log" in kernel.op else "Softmax"
    return Standard(op_type, kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})
