"""Operations that move elements, or only rename their positions; resizing alone computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["VIEWS", "rules"]

rules: RuleTable[Translation] = RuleTable()

VIEWS = frozenset(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"))
"""The operators whose first result is what went in, elsewhere in no runtime."""


@rules("Dropout")
def _dropout(operation: Operation) -> list[Step] | None:
    """Pass the input on: in inference nothing is dropped."""
    training = operation.operand(2)
    if training is not None and operation.number(2) is not False:
        return None
    made = [value for value in operation.outputs if value]
    return [step("aten.alias.default", {"self": operation.operand(0)}, operation.outputs)] if len(made) == 1 else None


@rules("Transpose")
def _transpose(operation: Operation) -> list[Step]:
    return [
        step(
            "aten.permute.default",
            {"self": operation.operand(0)},
            operation.outputs,
            {"dims": operation.attributes.get("perm")},
        )
    ]


@rules("Concat")
def _concat(operation: Operation) -> list[Step]:
    operands = {f"tensors.{position}": operand for position, operand in enumerate(operation.operands)}
    return [step("aten.cat.default", operands, operation.outputs, {"dim": operation.integer("axis", 0)})]


@rules("Split")
def _split(operation: Operation) -> list[Step]:
    axis = operation.integer("axis", 0)
    sizes = tuple(value.type.shape[axis] for value in operation.outputs if value and value.type)
    attributes = {"split_sizes": sizes, "dim": axis}
    return [step("aten.split_with_sizes.default", {"self": operation.operand(0)}, operation.outputs, attributes)]


@rules("Slice")
def _slice(operation: Operation) -> list[Step]:
    names = ("starts", "ends", "axes", "steps")
    attributes = {name: operation.attributes.get(name, operation.number(place)) for place, name in enumerate(names, 1)}
    return [step("aten.slice.Tensor", {"self": operation.operand(0)}, operation.outputs, attributes)]


@rules("Gather")
def _gather(operation: Operation) -> list[Step]:
    """Read rows of a table as an embedding, and one position as a selection."""
    axis, data, index = operation.integer("axis", 0), operation.operand(0), operation.operand(1)
    place = operation.number(1)
    if isinstance(place, int):
        return [step("aten.select.int", {"self": data}, operation.outputs, {"dim": axis, "index": place})]
    table = operation.type(0)
    if axis == 0 and table is not None and len(table.shape) == 2:
        return [step("aten.embedding.default", {"weight": data, "indices": index}, operation.outputs)]
    return [step("aten.index_select.default", {"self": data, "index": index}, operation.outputs, {"dim": axis})]


@rules("GatherElements", "GatherND")
def _gather_elements(operation: Operation) -> list[Step]:
    kernel = "gather.default" if operation.op_type == "GatherElements" else "index.Tensor"
    operands = {"self": operation.operand(0), "index": operation.operand(1)}
    return [step(f"aten.{kernel}", operands, operation.outputs)]


@rules("ScatterElements", "Scatter", "ScatterND")
def _scatter(operation: Operation) -> list[Step]:
    """Replace elements, or add to (multiply with, compare to) those that are there."""
    names = ("self", "index", "src") if operation.op_type != "ScatterND" else ("self", "indices", "values")
    operands = {name: operation.operand(place) for place, name in enumerate(names)}
    accumulates = operation.attributes.get("reduction", "none") != "none"
    if operation.op_type == "ScatterND":
        return [step("aten.index_put.default", operands, operation.outputs, {"accumulate": accumulates})]
    return [step("aten.scatter_reduce.two" if accumulates else "aten.scatter.src", operands, operation.outputs)]


@rules("Pad")
def _pad(operation: Operation) -> list[Step]:
    mode = operation.attributes.get("mode", "constant")
    kernels = {"reflect": "reflection_pad2d.default", "edge": "replication_pad2d.default"}
    attributes = {"pad": operation.attributes.get("pads", operation.number(1))}
    kernel = kernels.get(str(mode), "constant_pad_nd.default")
    return [step(f"aten.{kernel}", {"self": operation.operand(0)}, operation.outputs, attributes)]


@rules("Trilu")
def _trilu(operation: Operation) -> list[Step]:
    kernel = "triu.default" if operation.integer("upper", 1) else "tril.default"
    return [step(f"aten.{kernel}", {"self": operation.operand(0)}, operation.outputs)]


@rules("ConstantOfShape", "Range")
def _fill(operation: Operation) -> list[Step]:
    if operation.op_type == "Range":
        bounds = {name: operation.operand(place) for place, name in enumerate(("start", "end", "step"))}
        return [step("aten.arange.start_step", bounds, operation.outputs)]
    return [step("aten.full.default", {"size": operation.operand(0)}, operation.outputs)]


@rules("OneHot")
def _one_hot(operation: Operation) -> list[Step]:
    return [step("aten.scatter.value", {"index": operation.operand(0)}, operation.outputs)]


@rules("Resize", "Upsample")
def _resize(operation: Operation) -> list[Step] | None:
    """Interpolate along as many dimensions as change; ONNX may resize any of them."""
    before, after = operation.type(0), operation.outputs[0].type if operation.outputs[0] else None
    if before is None or after is None or operation.integer("antialias", 0):
        return None
    changed = [place for place, pair in enumerate(zip(before.shape, after.shape, strict=True)) if pair[0] != pair[1]]
    spatial = len(before.shape) - 2
    mode = str(operation.attributes.get("mode", "nearest"))
    names = (
        {1: "linear", 2: "bilinear", 3: "trilinear"} if mode == "linear" else {2: "bicubic"} if mode == "cubic" else {}
    )
    if mode == "nearest":
        names = dict.fromkeys((1, 2, 3), "nearest")
    if spatial not in names or any(place < 2 for place in changed):
        return None
    attributes: dict[str, Attribute] = {"output_size": after.shape[2:]}
    return [
        step(
            f"aten.upsample_{names[spatial]}{spatial}d.default",
            {"self": operation.operand(0)},
            operation.outputs,
            attributes,
        )
    ]


@rules("GridSample")
def _grid_sample(operation: Operation) -> list[Step] | None:
    grid = operation.type(1)
    modes = {"linear": 0, "bilinear": 0, "nearest": 1, "cubic": 2, "bicubic": 2}
    mode = modes.get(str(operation.attributes.get("mode", "linear")))
    if grid is None or mode is None or len(grid.shape) not in (4, 5):
        return None
    operands = {"input": operation.operand(0), "grid": operation.operand(1)}
    return [
        step(
            f"aten.grid_sampler_{len(grid.shape) - 2}d.default",
            operands,
            operation.outputs,
            {"interpolation_mode": mode},
        )
    ]
