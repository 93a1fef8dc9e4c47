"""Step four: write the file, with its weights in it, in a second file beside it, or left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx_ir

from fxviz.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["store"]

_LARGEST = 2**31 - 2**24
"""Bytes of weights that one protobuf message can hold, 2 GiB, less what the rest of a model may take."""


def store(model: onnx_ir.Model, path: Path, *, external: bool | None, has_weights: bool) -> None:
    """Write the model, and check what was written. ``external`` None puts weights beside the file if it could not hold them.

    Weights without data are written as sparse tensors without elements: they have a shape and a dtype and take no space.

    Raises `ExportError` if `onnx.checker` refuses the file.
    """
    if not has_weights:
        path.write_bytes(_without_data(model).SerializeToString(deterministic=True))
    elif _weigh(model) > _LARGEST if external is None else external:
        onnx_ir.save(model, path, external_data=f"{path.name}.data")  # one tensor after the other
    else:
        path.write_bytes(onnx_ir.to_proto(model).SerializeToString(deterministic=True))
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        words = str(error).strip().splitlines() or [""]
        raise ExportError(f"torch.onnx made a model that onnx.checker refuses: {words[0]}") from error


def _weigh(model: onnx_ir.Model) -> int:
    tensors = [value.const_value for value in model.graph.initializers.values()]
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _without_data(model: onnx_ir.Model) -> onnx.ModelProto:
    weights = dict(model.graph.initializers)
    model.graph.initializers.clear()
    proto: onnx.ModelProto = onnx_ir.to_proto(model)
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    for name, value in weights.items():
        constant = proto.graph.node.add(op_type="Constant", name=name, output=[name])
        extents = [int(extent) for extent in value.shape.numpy()] if value.shape else []
        if not extents or 0 in extents:  # a sparse tensor has dimensions, and elements to leave out
            dense = constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t
            dense.data_type = _element_type(value)
            dense.dims.extend(extents)
            dense.raw_data = bytes(int(value.dtype.itemsize) if value.dtype and not extents else 0)
            continue
        sparse = constant.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor
        sparse.dims.extend(extents)
        sparse.values.data_type, sparse.indices.data_type = _element_type(value), onnx.TensorProto.INT64
        sparse.values.dims.append(0)
        sparse.indices.dims.append(0)
    proto.graph.node.extend(nodes)
    return proto


def _element_type(value: onnx_ir.Value) -> int:
    return int(value.dtype) if value.dtype is not None else onnx.TensorProto.UNDEFINED
