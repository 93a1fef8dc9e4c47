"""Embedding bags. A plain embedding is a gather, and free; its gradient adds each row to its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard
from fxviz.passes.rules.cost import FREE, Cost, free, numel, per_input, shape
from fxviz.passes.rules.traffic import gathers

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("embedding")


def _write_embedding(kernel: Operation) -> Standard | None:
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": 0})


operators.declare("embedding", free, traffic=gathers, onnx=_write_embedding)
operators.declare("embedding_dense_backward embedding_backward", per_input(1))
operators.declare("one_hot", library="")

_MEAN = 1  # of EmbeddingBag's modes: 0 adds up, 2 takes the largest


@operators("aten._embedding_bag", "aten._embedding_bag_forward_only", "aten.embedding_bag")
def _embedding_bag(kernel: Kernel) -> Cost:
    """Add up (or take the largest of) the rows of each bag: 1 for each index and column, 2 with weights per sample."""
    weight, indices = kernel.inputs[:2]
    flops = 1 + (kernel.input("per_sample_weights") is not None)
    return Cost(pointwise=flops * numel(indices) * shape(weight)[-1])


@operators("aten.embedding_renorm")
def _embedding_renorm(kernel: Kernel) -> Cost:
    """Rescale the rows that are used: square, sum, scale for each index and column, an upper bound."""
    weight, indices = kernel.inputs[:2]
    return Cost(pointwise=3 * numel(indices) * shape(weight)[-1])


@operators("aten.embedding_sparse_backward", "aten._embedding_bag_sparse_backward")
def _sparse_backward(kernel: Kernel) -> Cost:
    """Count nothing: the rows of the gradient and their indices stay apart, and are not added."""
    return FREE


@operators("aten._embedding_bag_dense_backward", "aten._embedding_bag_backward")
def _bag_backward(kernel: Kernel) -> Cost:
    """Add the gradient of each bag to the rows in it: 1 for each index and column, 2 if it is scaled first."""
    gradient, indices = kernel.inputs[:2]
    scaled = kernel.input("per_sample_weights") is not None or kernel.attributes.get("mode") == _MEAN
    return Cost(pointwise=(1 + scaled) * numel(indices) * shape(gradient)[-1])


@operators("aten._embedding_bag_per_sample_weights_backward")
def _bag_weights_backward(kernel: Kernel) -> Cost:
    """Count the dot product of a bag's gradient with each row in it: 2 for each index and column."""
    _, weight, indices = kernel.inputs[:3]
    return Cost(pointwise=2 * numel(indices) * shape(weight)[-1])
