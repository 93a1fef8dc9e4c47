"""Small ONNX models, written with onnx's own helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from fxviz.importers.onnx import read_onnx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fxviz.ir import Graph

FLOAT = TensorProto.FLOAT


def weight(name: str, *dims: int, dtype: Any = np.float32) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.zeros(dims, dtype), name)


def numbers(name: str, *values: int) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.array(values, np.int64), name)


def info(name: str, *dims: int | str, type: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, type, dims)


def untyped(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, FLOAT, None)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    outputs: Sequence[onnx.ValueInfoProto] | None = None,
    opset: int = 23,
    **more: Any,
) -> onnx.ModelProto:
    """A model that returns what its last node makes, unless it is said."""
    returned = outputs if outputs is not None else [untyped(name) for name in nodes[-1].output if name]
    graph = helper.make_graph(nodes, "net", inputs, returned, weights)
    domains = {node.domain for node in nodes if node.domain}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=11, **more)


def read(made: onnx.ModelProto, folder: Path) -> Graph:
    """What fxviz reads from the file of a model."""
    file = folder / "model.onnx"
    file.write_bytes(made.SerializeToString())
    return read_onnx(file)


def everything() -> onnx.ModelProto:
    """A model with a bit of all: modules by name, sizes, a branch, a loop, a function."""
    node = helper.make_node
    branches = {
        f"{name}_branch": helper.make_graph([node(op, ["y1"], [name])], name, [], [untyped(name)])
        for name, op in (("then", "Relu"), ("else", "Neg"))
    }
    body = helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("MatMul", ["a", "square"], ["a2"])],
        "body",
        [info("count", type=TensorProto.INT64), info("go", type=TensorProto.BOOL), untyped("a")],
        [info("on", type=TensorProto.BOOL), untyped("a2")],
    )
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c"], name="/stem/conv/Conv", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("BatchNormalization", ["c", "g", "b", "m", "v"], ["bn"], name="/stem/bn/BatchNormalization"),
        node("Relu", ["bn"], ["r"], name="/stem/act/Relu"),
        node("MaxPool", ["r"], ["p"], name="/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["p"], ["s"]),
        node("Constant", [], ["zero"], value=onnx.numpy_helper.from_array(np.array(0, np.int64))),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "ax"], ["n1"]),
        node("Concat", ["n1", "rest"], ["shape"], axis=0),
        node("Reshape", ["p", "shape"], ["flat"], name="/Reshape"),
        node("Gemm", ["flat", "w2", "b2"], ["y0"], name="/head/Gemm", transB=1),
        node("LayerNormalization", ["y0", "lg", "lb"], ["y1"], name="/norm/LayerNormalization"),
        node("If", ["cond"], ["y2"], name="branch", **branches),
        node("Loop", ["ten", "", "y2"], ["y3"], name="loop", body=body),
        node("Einsum", ["y3", "square"], ["y4"], equation="ij,jk->ik"),
        node("twice", ["y4"], ["y"], domain="mine", name="again"),
    ]
    twice = helper.make_function(
        "mine", "twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 23)]
    )
    weights = [
        *(weight("w1", 4, 3, 3, 3), weight("b1", 4), weight("w2", 10, 64), weight("b2", 10), weight("square", 10, 10)),
        *(weight(name, 4) for name in "gbmv"),
        *(weight("lg", 10), weight("lb", 10), numbers("ax", 0), numbers("rest", -1)),
        onnx.numpy_helper.from_array(np.array(10, np.int64), "ten"),
    ]
    inputs = [info("x", "N", 3, 8, 8), info("cond", type=TensorProto.BOOL)]
    made = model(nodes, inputs, weights, functions=[twice], outputs=[info("y", "N", 10)])
    onnx.checker.check_model(made)
    return made
