"""Name the parts of an ONNX model as the user knows them: inputs, outputs, and symbolic sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import onnx_ir
from onnx_ir.passes.common import NameFixPass

from fxviz.errors import ExportError
from fxviz.exporters.onnx.runnable.convert import all_nodes
from fxviz.importers.onnx.format import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.ir import Graph

__all__ = ["write_names"]


def write_names(model: onnx_ir.Model, graph: Graph) -> None:
    """Give inputs, outputs and dynamic sizes the names that they have in ``graph``.

    Raises `ExportError` for a size that is symbolic in the graph and became a number on the way.
    """
    symbols = _symbols(model, graph)
    for value in _values(model):
        value.metadata_props.clear()  # torch.onnx's, about its own graph
        if value.shape is not None:
            value.shape = onnx_ir.Shape([_renamed(extent, symbols) for extent in value.shape])
    wanted = _unique(
        [*(value.name for value in graph.inputs), *(graph.output_names or [v.name for v in graph.outputs])]
    )
    ends = [*model.graph.inputs, *model.graph.outputs]
    for number, value in enumerate(ends):  # first to names that none of them wants
        value.name = f"~{number}"
    for value, name in zip(ends, wanted, strict=True):
        value.name = name
    NameFixPass()(model)  # the ends of the graph keep their names; what had one of them before gets another
    model.graph.metadata_props.clear()
    model.graph.name = clean_text(graph.name) or "graph"


def _symbols(model: onnx_ir.Model, graph: Graph) -> Mapping[str, str]:
    """Map torch's symbols to the user's, by the shapes of the inputs."""
    symbols: dict[str, str] = {}
    for value, given in zip(model.graph.inputs, graph.inputs, strict=True):
        for dim, (extent, meant) in enumerate(
            zip(value.shape or (), given.type.shape if given.type else (), strict=False)
        ):
            if isinstance(meant, int):
                continue
            if isinstance(extent, int):
                raise ExportError(
                    f"{graph.name} cannot be lowered with {meant} as dimension {dim} of {given.name}: torch.export made it "
                    f"{extent}, the size that it was traced at; trace it at another size (such as {meant}@7), or without {meant}"
                )
            if str(extent.value).isidentifier():
                symbols.setdefault(str(extent.value), str(meant))
    return symbols


def _renamed(extent: int | onnx_ir.SymbolicDim, symbols: Mapping[str, str]) -> int | onnx_ir.SymbolicDim:
    if isinstance(extent, int) or extent.value is None:
        return extent
    return onnx_ir.SymbolicDim(re.sub(r"[^\W\d]\w*", lambda word: symbols.get(word[0], word[0]), str(extent.value)))


def _values(model: onnx_ir.Model) -> Iterator[onnx_ir.Value]:
    yield from model.graph.inputs
    yield from model.graph.initializers.values()
    for node in all_nodes(model):
        yield from node.outputs


def _unique(names: Iterable[str]) -> list[str]:
    taken: dict[str, None] = {}
    for name in names:
        base = fresh = clean_text(name) or "value"
        number = 1
        while fresh in taken:
            number += 1
            fresh = f"{base}_{number}"
        taken[fresh] = None
    return list(taken)
