"""Operators of ONNX and onnxruntime: which kernels they are read as, what they cost, derived by hand beside each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_files import info, model, numbers, read, untyped, weight

from fxviz.analysis.facts import Facts
from fxviz.importers.onnx.operators import translations
from fxviz.passes.flops import Flops
from fxviz.passes.operators import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.ir import Graph

MS = "com.microsoft"


def run(folder: Path, op: str, *operands: Any, outputs: int = 1, domain: str = "", **attributes: Any) -> Graph:
    """A model of one operation; operands are shapes of inputs, weights, or None."""
    inputs, weights, names = [], [], []
    for place, operand in enumerate(operands):
        names.append("" if operand is None else f"x{place}")
        if isinstance(operand, onnx.TensorProto):
            operand.name = names[-1]
            weights.append(operand)
        elif operand is not None:
            inputs.append(info(names[-1], *operand))
    made = [f"y{place}" for place in range(outputs)]
    proto = helper.make_node(op, names, made, domain=domain, **attributes)
    return read(model([proto], inputs, weights, outputs=[untyped(name) for name in made]), folder)


CASES = [
    # op, operands, attributes, shape of the result, matrix work, pointwise work
    ("Conv", [(2, 3, 8, 8), weight("", 4, 3, 3, 3), weight("", 4)], {"strides": [2, 2]}, (2, 4, 3, 3), 2 * 72 * 27, 72),
    ("Conv", [(2, 4, 8, 8), weight("", 4, 1, 3, 3)], {"group": 4, "pads": [1] * 4}, (2, 4, 8, 8), 2 * 512 * 9, 0),
    ("ConvTranspose", [(2, 3, 4, 4), weight("", 3, 5, 2, 2)], {"strides": [2, 2]}, (2, 5, 8, 8), 2 * 96 * 20, 0),
    ("MatMul", [(5, 2, 3), (3, 4)], {}, (5, 2, 4), 2 * 40 * 3, 0),
    ("Gemm", [(3, 2), (4, 3), (4,)], {"transA": 1, "transB": 1}, (2, 4), 2 * 8 * 3, 8),
    ("Gemm", [(2, 3), (3, 4)], {"alpha": 0.5}, (2, 4), 2 * 8 * 3, 8),
    ("Einsum", [(2, 3, 4), (2, 4, 5)], {"equation": "bij,bjk->bik"}, (2, 3, 5), 2 * 120, 0),
    ("Einsum", [(2, 3), (2, 3)], {"equation": "ij,ij->ij"}, (2, 3), 0, 6),
    ("Attention", [(2, 4, 3, 8), (2, 4, 5, 8), (2, 4, 5, 6)], {}, (2, 4, 3, 6), 2 * 120 * 14, 120 * 6),
    ("Attention", [(2, 3, 32), (2, 5, 16), (2, 5, 16)], {"q_num_heads": 4, "kv_num_heads": 2}, (2, 3, 32), 2 * 120 * 16, 720),
    ("LSTM", [(7, 2, 3), weight("", 1, 20, 3), weight("", 1, 20, 5), weight("", 1, 40)], {"hidden_size": 5}, (7, 1, 2, 5), 2 * 14 * 160, 14 * (65 + 40)),
    ("GRU", [(7, 2, 3), weight("", 2, 15, 3), weight("", 2, 15, 5)], {"hidden_size": 5, "direction": "bidirectional"}, (7, 2, 2, 5), 2 * 14 * 240, 14 * 100),
    ("BatchNormalization", [(2, 3, 4), *(weight("", 3) for _ in range(4))], {}, (2, 3, 4), 0, 48),
    ("LayerNormalization", [(2, 8), weight("", 8), weight("", 8)], {}, (2, 8), 0, 16 * 7),
    ("InstanceNormalization", [(2, 3, 4), weight("", 3), weight("", 3)], {}, (2, 3, 4), 0, 24 * 7),
    ("RMSNormalization", [(2, 8), weight("", 8)], {}, (2, 8), 0, 16 * 4),
    ("LRN", [(2, 8, 3)], {"size": 5}, (2, 8, 3), 0, 48 * 10),
    ("Softmax", [(2, 8)], {}, (2, 8), 0, 16 * 5),
    ("MaxPool", [(2, 3, 8, 8)], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, (2, 3, 4, 4), 0, 96 * 9),
    ("AveragePool", [(2, 3, 8)], {"kernel_shape": [2], "strides": [2]}, (2, 3, 4), 0, 24 * 2),
    ("GlobalAveragePool", [(2, 3, 4, 4)], {}, (2, 3, 1, 1), 0, 96),
    ("Gelu", [(3,)], {"approximate": "tanh"}, (3,), 0, 27),
    ("HardSwish", [(3,)], {}, (3,), 0, 15),
    ("Softsign", [(3,)], {}, (3,), 0, 9),
    ("Clip", [(3,), weight(""), None], {}, (3,), 0, 3),
    ("Sum", [(3,), (3,), (3,)], {}, (3,), 0, 6),
    ("Mean", [(3,), (3,)], {}, (3,), 0, 6),
    ("Where", [(3, 1), (3, 1), (1, 4)], {}, None, 0, 12),
    ("PRelu", [(2, 3), weight("", 3)], {}, (2, 3), 0, 12),
    ("ReduceMean", [(2, 3, 4), numbers("", 1)], {}, (2, 1, 4), 0, 24),
    ("ReduceL2", [(2, 3), numbers("", -1)], {"keepdims": 0}, (2,), 0, 12),
    ("ReduceSumSquare", [(2, 3)], {}, (1, 1), 0, 12),
    ("Reshape", [(2, 3, 4), numbers("", 0, -1)], {}, (2, 12), 0, 0),
    ("Slice", [(9, 4), numbers("", -1), numbers("", -(2**31)), numbers("", 0), numbers("", -2)], {}, (5, 4), 0, 0),
    ("Concat", [(2, 3), (2, 5)], {"axis": -1}, (2, 8), 0, 0),
    ("Expand", [(2, 1), numbers("", 3, 1, 4)], {}, (3, 2, 4), 0, 0),
    ("Tile", [(2, 3), numbers("", 1, 4)], {}, (2, 12), 0, 0),
    ("Pad", [(2, 3), numbers("", 1, 0, 0, 2)], {}, (3, 5), 0, 0),
    ("Resize", [(1, 3, 4, 4), None, None, numbers("", 1, 3, 8, 8)], {"mode": "nearest"}, (1, 3, 8, 8), 0, 0),
    ("Gather", [(7, 4), numbers("", 1, 2, 2)], {}, (3, 4), 0, 0),
    ("RotaryEmbedding", [(1, 2, 3, 4), (5, 2), (5, 2), weight("", 1, 3, dtype=np.int64)], {}, (1, 2, 3, 4), 0, 72),
    ("TopK", [(2, 8), numbers("", 3)], {}, (2, 3), 0, None),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands", "attributes", "shape", "matrix", "pointwise"), CASES)
def test_an_operator_does_the_work_of_its_kernels(
    op: str,
    operands: list[Any],
    attributes: dict[str, Any],
    shape: Any,
    matrix: int,
    pointwise: int | None,
    tmp_path: Path,
) -> None:
    if op == "Where":  # its condition is no float
        made = [info("c", 3, 1, type=TensorProto.BOOL), info("a", 3, 1), info("b", 1, 4)]
        graph = read(model([helper.make_node(op, ["c", "a", "b"], ["y"])], made), tmp_path)
        shape = (3, 4)
    else:
        graph = run(tmp_path, op, *operands, outputs=2 if op == "TopK" else 1, **attributes)
    (node,) = graph.nodes
    assert (node.op, kind_of(op) != "other") == (op, True)
    assert node.outputs[0].type
    assert node.outputs[0].type.shape == shape
    flops = Facts(graph)[Flops()]
    assert not flops.unknown
    assert flops.matrix.total == matrix
    assert pointwise is None or flops.pointwise.total == pointwise


FUSED = [
    ("FusedMatMul", [(2, 3), (4, 3)], {"transB": 1, "alpha": 0.5}, (2, 4), 2 * 8 * 3, 8),
    ("MatMulNBits", [(2, 64), weight("", 5, 2, 16, dtype=np.uint8), weight("", 10)], {"N": 5, "K": 64, "bits": 4}, (2, 5), 2 * 10 * 64, 0),
    ("BiasGelu", [(2, 3), weight("", 3)], {}, (2, 3), 0, 6 + 30),
    ("FastGelu", [(2, 3)], {}, (2, 3), 0, 54),
    ("SkipLayerNormalization", [(2, 3), (2, 3), weight("", 3), weight("", 3), weight("", 3)], {}, (2, 3), 0, 6 + 6 + 42),
    ("SkipSimplifiedLayerNormalization", [(2, 3), (2, 3), weight("", 3)], {}, (2, 3), 0, 6 + 24),
    ("Attention", [(2, 5, 8), weight("", 8, 24), weight("", 24)], {"num_heads": 2}, (2, 5, 8), 2 * 10 * 8 * 24 + 2 * 100 * 8, 240 + 100 * 6),
    ("MultiHeadAttention", [(2, 5, 8), (2, 7, 8), (2, 7, 6)], {"num_heads": 2}, (2, 5, 6), 2 * 140 * 7, 140 * 6),
    ("GroupQueryAttention", [(2, 5, 8), (2, 5, 4), (2, 5, 4)], {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1}, (2, 5, 8), 2 * 200 * 4, 200 * 7 + 3 * 120),
    ("FusedConv", [(1, 3, 4, 4), weight("", 2, 3, 1, 1), weight("", 2)], {"activation": "Relu"}, (1, 2, 4, 4), 2 * 32 * 3, 64),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands", "attributes", "shape", "matrix", "pointwise"), FUSED)
def test_fused_operators_of_onnxruntime(
    op: str, operands: list[Any], attributes: dict[str, Any], shape: Any, matrix: int, pointwise: int, tmp_path: Path
) -> None:
    graph = run(tmp_path, op, *operands, domain=MS, **attributes)
    (node,) = graph.nodes
    assert node.op == f"{MS}.{op}"
    assert node.outputs[0].type
    assert node.outputs[0].type.shape == shape
    flops = Facts(graph)[Flops()]
    assert not flops.unknown
    assert (flops.matrix.total, flops.pointwise.total) == (matrix, pointwise)


def test_an_operator_that_nobody_knows_is_listed_by_its_name(tmp_path: Path) -> None:
    graph = run(tmp_path, "MoE", (2, 3), domain=MS)
    assert dict(Facts(graph)[Flops()].unknown) == {f"{MS}.MoE": 1}
    assert [kernel.op for kernel in graph.kernels] == [f"{MS}.MoE.1"]


def test_attention_reads_what_was_cached(tmp_path: Path) -> None:
    """3 new positions behind 5 cached ones: every query meets 8 keys."""
    cached, new = (2, 4, 5, 8), (2, 4, 3, 8)
    graph = run(tmp_path, "Attention", new, new, new, None, cached, cached, outputs=3)
    flops = Facts(graph)[Flops()]
    assert flops.matrix.total == 2 * (2 * 4 * 3 * 8) * (8 + 8)
    assert [str(value.type) for value in graph.nodes[0].outputs[1:]] == ["float32[2, 4, 8, 8]"] * 2


def test_every_operator_that_is_translated_exists() -> None:
    """Under its name in some version of ONNX, or in the domain of onnxruntime."""
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain}
    runtime = {"SimplifiedLayerNormalization"}  # onnxruntime keeps this one in ONNX's own domain
    assert {name for name in translations if "." not in name} <= known | runtime
    assert all(name.startswith(f"{MS}.") for name in translations if "." in name)


def test_every_operator_of_onnx_has_a_kind() -> None:
    schemas = onnx.defs.get_all_schemas()
    names = {schema.name for schema in schemas if not schema.domain and not schema.deprecated}
    odd = {name for name in names if kind_of(name) == "other"}
    # Control flow, sequences, strings, images, sound, losses: no kind says what these are.
    assert len(odd) < 60
    assert not {name for name in odd if name in translations}
