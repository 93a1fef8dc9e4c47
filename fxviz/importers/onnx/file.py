"""Opening an ONNX file that anybody may have made: it is data, and what it claims is checked before it is believed.

The bytes of large weights are dropped at once, and data that lies in other files is never opened: a graph needs shapes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from fxviz.errors import FormatError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MOST_NODES", "SMALL", "load_model", "nested_graphs"]

SMALL = 64
"""The elements that a tensor may have whose numbers are kept: shapes, axes, scales."""

MOST_NODES = 1_000_000
"""The operations that a file may stand for, those of its functions at each of their calls included."""

_MOST_BYTES = 2**31 - 1  # what one protobuf message can hold
_NEWEST_IR = onnx.IR_VERSION
_DEEPEST = 64


def load_model(path: str | Path) -> onnx.ModelProto:
    """Load the model in the file ``path``, without the data of its weights.

    Raises `InputError` for a file that cannot be read, and `FormatError` for one that is not an ONNX model, is cut off,
    is newer than the installed ``onnx``, or claims to be larger than anything that can be drawn.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"cannot read {path}: it is a folder; give an .onnx file")
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise FormatError(
                f"{path} has {size:,} bytes, and an ONNX file has less than 2 GiB; keep weights as external data"
            )
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {path}: {reason}") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own errors have no common class of their own
        raise FormatError(f"{path} is not an ONNX model, or it is cut off or damaged") from error
    try:
        check(model)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    return model


def check(model: onnx.ModelProto) -> None:
    """Refuse what is not a model or cannot be read; drop the data of large tensors."""
    if not model.HasField("graph") or not (model.ir_version or model.opset_import):
        raise FormatError("this is not an ONNX model: it has neither a graph nor a version")
    if model.ir_version > _NEWEST_IR:
        raise FormatError(
            f"its IR version is {model.ir_version}, and onnx {onnx.__version__} reads up to {_NEWEST_IR}: update onnx"
        )
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version > newest:
            raise FormatError(
                f"its operators are of version {opset.version}, and onnx {onnx.__version__} knows up to {newest}: update onnx"
            )
        if opset.version < 1:
            raise FormatError(f"its operators {opset.domain or 'ai.onnx'!r} are of version {opset.version}")
    bodies: list[Iterable[onnx.NodeProto]] = [function.node for function in model.functions]
    for graph in nested_graphs(model.graph.node, model.graph):
        _drop_data(graph)
        bodies.append(graph.node)
    for function in model.functions:
        for graph in nested_graphs(function.node):
            _drop_data(graph)
            bodies.append(graph.node)
    if not all(isinstance(text, str) for text in _texts(model, bodies)):
        raise FormatError("it is damaged: a name in it is not text")
    _check_expansion(model)


def nested_graphs(
    nodes: Iterable[onnx.NodeProto], graph: onnx.GraphProto | None = None, depth: int = 0
) -> Iterator[onnx.GraphProto]:
    """``graph`` and all graphs in the attributes of ``nodes``, to any depth."""
    if depth > _DEEPEST:
        raise FormatError(f"its graphs are nested more than {_DEEPEST} deep")
    if graph is not None:
        yield graph
    for node in nodes:
        for attribute in node.attribute:
            inner = [attribute.g] if attribute.HasField("g") else []
            for body in (*inner, *attribute.graphs):
                yield from nested_graphs(body.node, body, depth + 1)


def _drop_data(graph: onnx.GraphProto) -> None:
    tensors = [*graph.initializer, *(attribute.t for node in graph.node for attribute in node.attribute)]
    for tensor in tensors:
        elements = 1
        for extent in tensor.dims:
            elements *= max(extent, 0)
        if elements > SMALL:
            for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                tensor.ClearField(field)
            tensor.ClearField("string_data")


def _texts(model: onnx.ModelProto, bodies: Iterable[Iterable[onnx.NodeProto]]) -> Iterator[str | bytes]:
    """Yield the names in a model; protobuf gives bytes for those that are not text."""
    yield from (model.producer_name, *(opset.domain for opset in model.opset_import))
    yield from (text for entry in model.metadata_props for text in _both(entry))
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
        yield from (opset.domain for opset in function.opset_import)
        yield from (attribute.name for attribute in function.attribute_proto)
        yield from _texts_of_values(function.value_info)
    for graph in nested_graphs(model.graph.node, model.graph):
        yield graph.name
        yield from _texts_of_values((*graph.input, *graph.output, *graph.value_info))
        yield from (tensor.name for tensor in graph.initializer)
        yield from (text for tensor in graph.initializer for entry in tensor.metadata_props for text in _both(entry))
        yield from (tensor.values.name for tensor in graph.sparse_initializer)
    for nodes in bodies:
        for node in nodes:
            yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
            yield from (text for attribute in node.attribute for text in (attribute.name, attribute.ref_attr_name))
            yield from (text for entry in node.metadata_props for text in _both(entry))


def _texts_of_values(values: Iterable[onnx.ValueInfoProto]) -> Iterator[str | bytes]:
    for value in values:
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)


def _both(entry: onnx.StringStringEntryProto) -> tuple[str, str]:
    return entry.key, entry.value


def _check_expansion(model: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, and those whose calls multiply beyond all measure."""
    bodies = {(function.domain, function.name): function.node for function in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: Iterable[onnx.NodeProto], path: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for graph_nodes in (nodes, *(graph.node for graph in nested_graphs(nodes))):
            calls = Counter((node.domain, node.op_type) for node in graph_nodes)
            total += sum(calls.values())
            for name, times in calls.items():
                if name not in bodies:
                    continue
                if name in path:
                    raise FormatError(f"its function {name[1]!r} calls itself")
                if len(path) > _DEEPEST:
                    raise FormatError(f"its functions call each other more than {_DEEPEST} deep")
                if name not in sizes:
                    sizes[name] = size(bodies[name], (*path, name))
                total += times * sizes[name]
        if total > MOST_NODES:
            raise FormatError(f"it stands for more than {MOST_NODES:,} operations")
        return total

    size(model.graph.node, ())
