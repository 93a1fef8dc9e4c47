"""Normalisation with given statistics, or with those of the input."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import (
    Operation,
    OperatorRule,
    Standard,
    dtype_of,
    is_known,
    rank_of,
    real,
)

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()


@operators(
    "aten.native_batch_norm",
    "aten._native_batch_norm_legit_no_training",
    "aten.cudnn_batch_norm",
    "aten._batch_norm_no_update",
)
def _batch_norm(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    names = ("weight", "bias", "running_mean", "running_var")
    operands = [kernel.input(name) for name in names]
    if given.get("training") or None in operands:
        return None
    epsilon = real(given.get("eps", given.get("epsilon")))
    return Standard("BatchNormalization", (kernel.inputs[0], *operands), kernel.outputs[:1], {"epsilon": epsilon})


@operators("aten.native_layer_norm")
def _layer_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    # ONNX computes the statistics in single precision.
    if scale is None or dtype_of(x) == "float64":
        return None
    attributes = {"axis": -rank_of(scale), "epsilon": real(kernel.attributes.get("eps"))}
    return Standard("LayerNormalization", (x, scale, bias) if bias else (x, scale), kernel.outputs[:1], attributes)


@operators("aten.native_group_norm")
def _group_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    if scale is None or bias is None or dtype_of(x) == "float64" or rank_of(x) < 3:
        return None
    attributes = {"num_groups": kernel.attributes.get("group"), "epsilon": real(kernel.attributes.get("eps"))}
    return Standard("GroupNormalization", (x, scale, bias), kernel.outputs[:1], attributes)


@operators("instance_norm")
def _instance_norm(node: Operation) -> Standard | None:
    x, scale, bias = node.inputs[0], node.input("weight"), node.input("bias")
    if (
        scale is None
        or bias is None
        or not node.attributes.get("use_input_stats")
        or not is_known(node)
        or rank_of(x) < 3
    ):
        return None
    return Standard(
        "InstanceNormalization", (x, scale, bias), node.outputs, {"epsilon": real(node.attributes.get("eps"))}
    )


@operators("rms_norm")
def _rms_norm(node: Operation) -> Standard | None:
    x, scale, epsilon = node.inputs[0], node.input("weight"), node.attributes.get("eps")
    # Without a number of its own, torch takes one that depends on the dtype.
    if scale is None or epsilon is None or not is_known(node) or dtype_of(x) == "float64":
        return None
    attributes = {"axis": -rank_of(scale), "epsilon": real(epsilon)}
    return Standard("RMSNormalization", (x, scale), node.outputs, attributes)
