"""The data of weights, for a reader who wants to look at values: bytes as ONNX has them, torch not asked for by name."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from fxviz.errors import ExportError
from fxviz.ir import Node, Role, Value
from fxviz.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.view import View

__all__ = ["weights_of"]

_MOST_BYTES = 2**31 - 2**24  # of one protobuf message, and some room for all else in it


def weights_of(view: View) -> Mapping[Value, bytes]:
    """The data of every parameter and buffer that an operation in the view reads.

    An `ExportError` says that they have none, as those on the meta device, or more than a file can hold; a `GraphError`
    that the graph has no model behind it.
    """
    module = view.graph.module
    tensors: dict[str, Any] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    seen = (view.shown(value) for item in view.walk() if isinstance(item, Node) for value in item.inputs)
    wanted = [value for value in dict.fromkeys(seen) if value.role in (Role.PARAMETER, Role.BUFFER)]
    found = {value: tensors[value.name].detach() for value in wanted if value.name in tensors}
    if absent := [value.name for value, tensor in found.items() if tensor.is_meta]:
        raise ExportError(
            f"{len(absent)} weights of {view.graph.name!r} have no data, such as {absent[0]!r}: they are on the meta device; "
            "trace a model that has its weights"
        )
    if (size := sum(tensor.nbytes for tensor in found.values())) > _MOST_BYTES:
        raise ExportError(
            f"the weights shown take {format_quantity(size, 'B')}, and an ONNX file holds less than 2 GiB: show less of the "
            "model, or leave the weights out"
        )
    return {value: _bytes(tensor) for value, tensor in found.items()}


def _bytes(tensor: Any) -> bytes:
    dense = tensor.cpu().contiguous()
    return ctypes.string_at(dense.data_ptr(), dense.nbytes) if dense.nbytes else b""
