"""Reductions, sorting and counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["rules"]

rules: RuleTable[Translation] = RuleTable()

_REDUCTIONS = {
    **{
        "ReduceSum": "sum.dim_IntList",
        "ReduceMean": "mean.dim",
        "ReduceMax": "amax.default",
        "ReduceMin": "amin.default",
    },
    **{"ReduceProd": "prod.dim_int", "ReduceLogSumExp": "logsumexp.default"},
    **{"ReduceL1": "linalg_vector_norm.default", "ReduceL2": "linalg_vector_norm.default"},
}


def _reduce(kernel: str) -> Translation:
    def rule(operation: Operation) -> list[Step]:
        attributes: dict[str, Attribute] = {
            "dim": operation.integers("axes", 1),
            "keepdim": bool(operation.integer("keepdims", 1)),
        }
        if operation.op_type == "ReduceL1":
            attributes["ord"] = 1
        return [step(f"aten.{kernel}", {"self": operation.operand(0)}, operation.outputs, attributes)]

    return rule


for _name, _kernel in _REDUCTIONS.items():
    rules(_name)(_reduce(_kernel))


@rules("TopK")
def _topk(operation: Operation) -> list[Step] | None:
    count = operation.integers("k", 1)
    if not count:
        return None
    attributes = {"k": count[0], "dim": operation.integer("axis", -1)}
    return [step("aten.topk.default", {"self": operation.operand(0)}, operation.outputs, attributes)]


@rules("NonMaxSuppression")
def _suppress(operation: Operation) -> None:
    """Refuse: it covers all classes of all images at once, which torchvision's does not."""
    return


@rules("RoiAlign")
def _roi_align(operation: Operation) -> list[Step]:
    operands = {"input": operation.operand(0), "rois": operation.operand(1)}
    attributes = {"sampling_ratio": operation.integer("sampling_ratio", 0)}
    return [step("torchvision.roi_align.default", operands, operation.outputs, attributes)]
