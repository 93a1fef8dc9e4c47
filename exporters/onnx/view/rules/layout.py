"""Elements that move and keep their values: reshaping, slicing, joining, gathering, padding."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.exporters.onnx.view.rules.standard import (
    Literal,
    Operation,
    OperatorRule,
    Standard,
    dtype_of,
    integers,
    is_known,
    rank_of,
    shape_of,
)

__all__ = ["operators"]

operators: RuleTable[OperatorRule] = RuleTable()


@operators("reshape", "view", "flatten", "unflatten", "aten.view", "aten._unsafe_view", "aten._reshape_alias")
def _reshape(operation: Operation) -> Standard | None:
    if not is_known(operation) or len(operation.inputs) != 1 or len(operation.outputs) != 1:
        return None
    (x,), (y,) = operation.inputs, operation.outputs
    shape = shape_of(y)
    if operation.op == "flatten" and len(shape) == 2 and rank_of(x) > 1 and shape[0] == shape_of(x)[0]:
        return Standard("Flatten", (x,), (y,), {"axis": 1})
    if sum(not isinstance(extent, int) for extent in shape) > 1 or 0 in shape:
        return None
    return Standard("Reshape", (x, Literal(tuple(extent if isinstance(extent, int) else -1 for extent in shape))), (y,))


@operators("aten.transpose.int", "aten.t", "aten.permute")
def _transpose(kernel: Operation) -> Standard | None:
    rank = rank_of(kernel.inputs[0])
    if (dims := kernel.attributes.get("dims")) is not None:
        order = [dim % rank for dim in integers(dims)]
    else:
        first, second = (integers(kernel.attributes.get(name, i))[0] % rank for i, name in enumerate(("dim0", "dim1")))
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
    return Standard("Transpose", kernel.inputs, kernel.outputs, {"perm": tuple(order)})


@operators("aten.unsqueeze", "aten.unsqueeze_")
def _unsqueeze(kernel: Operation) -> Standard | None:
    return Standard("Unsqueeze", (*kernel.inputs, Literal(integers(kernel.attributes.get("dim")))), kernel.outputs)


@operators("aten.squeeze", "aten.squeeze_")
def _squeeze(kernel: Operation) -> Standard | None:
    shape = shape_of(kernel.inputs[0])
    dims = integers(kernel.attributes.get("dim", tuple(range(len(shape)))))
    # torch leaves a dimension that is not 1 as it is.
    axes = tuple(dim for dim in dims if shape[dim] == 1)
    return Standard("Squeeze", (*kernel.inputs, Literal(axes)), kernel.outputs) if axes else None


@operators("aten.expand")
def _expand(kernel: Operation) -> Standard | None:
    return Standard("Expand", (*kernel.inputs, Literal(shape_of(kernel.outputs[0]))), kernel.outputs)


@operators("aten.cat")
def _concat(kernel: Operation) -> Standard | None:
    # torch takes empty tensors of rank 1 among others.
    if len({rank_of(value) for value in kernel.inputs}) != 1:
        return None
    return Standard("Concat", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim", 0)})


@operators("aten.split", "aten.split_with_sizes")
def _split(kernel: Operation) -> Standard | None:
    axis = integers(kernel.attributes.get("dim", 0))[0]
    sizes = tuple(shape_of(value)[axis] for value in kernel.outputs)
    return Standard("Split", (*kernel.inputs, Literal(sizes)), kernel.outputs, {"axis": axis})


@operators("aten.slice.Tensor")
def _slice(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    start, end = given.get("start"), given.get("end")
    bounds = (
        (0 if start is None else start,),
        (2**63 - 1 if end is None else end,),
        (given.get("dim", 0),),
        (given.get("step", 1),),
    )
    return Standard("Slice", (*kernel.inputs, *map(Literal, bounds)), kernel.outputs)


@operators("aten.select.int")
def _select(kernel: Operation) -> Standard | None:
    index, axis = kernel.attributes.get("index"), kernel.attributes.get("dim")
    return Standard("Gather", (*kernel.inputs, Literal(index)), kernel.outputs, {"axis": axis})


@operators("aten.embedding")
def _embedding(kernel: Operation) -> Standard | None:
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": 0})


@operators("aten.index_select")
def _index_select(kernel: Operation) -> Standard | None:
    if rank_of(kernel.inputs[1]) != 1:
        return None
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})


@operators(
    "aten.constant_pad_nd", *(f"aten.{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3))
)
def _pad(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    # torch lists (before, after) from the last dimension; ONNX all before, then all after, from the first.
    given = integers(kernel.attributes.get("pad", kernel.attributes.get("padding")))
    if any(extent < 0 for extent in given):
        return None
    skipped = (0,) * (rank_of(x) - len(given) // 2)
    pads = Literal((*skipped, *given[-2::-2], *skipped, *given[::-2]))
    if "constant" in kernel.op:
        return Standard("Pad", (x, pads, Literal(kernel.attributes.get("value", 0), dtype_of(x) or "")), kernel.outputs)
    return Standard("Pad", (x, pads), kernel.outputs, {"mode": "reflect" if "reflection" in kernel.op else "edge"})


@operators("aten.pixel_shuffle")
def _pixel_shuffle(kernel: Operation) -> Standard | None:
    if rank_of(kernel.inputs[0]) != 4:
        return None
    attributes = {"blocksize": kernel.attributes.get("upscale_factor"), "mode": "CRD"}
    return Standard("DepthToSpace", kernel.inputs, kernel.outputs, attributes)
