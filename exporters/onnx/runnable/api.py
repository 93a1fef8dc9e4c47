"""`write_runnable`: the four steps from a traced graph to an ONNX file that runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.errors import ExportError
from fxviz.exporters.onnx.runnable.capture import capture
from fxviz.exporters.onnx.runnable.convert import Translation, all_nodes, convert
from fxviz.exporters.onnx.runnable.flat import VIEW_INSTEAD, FlatProgram, flatten
from fxviz.exporters.onnx.runnable.naming import write_names
from fxviz.exporters.onnx.runnable.numbers import write_numbers
from fxviz.exporters.onnx.runnable.storing import store
from fxviz.exporters.onnx.runnable.verify import Difference, require_onnxruntime, verify
from fxviz.files import staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Node
    from fxviz.views.view import View

__all__ = ["Runnable", "RunnableOptions", "write_runnable"]


@dataclass(frozen=True)
class RunnableOptions:
    """How a model is lowered."""

    opset: int | None = None
    """The version of ONNX's operators; by default what torch recommends."""
    optimize: bool = True
    """Fold constants, drop what does nothing, fuse what is one operator."""
    verify: bool = False
    """Run the file in onnxruntime and compare with torch; a difference beyond tolerance is an error, and no file."""
    external_data: bool | None = None
    """Weights in a second file, ``m.onnx.data``; by default where one file cannot hold them, from 2 GB on."""
    data: bool = True
    """False writes weights by shape and dtype alone, for a model that has no more of them either."""
    translations: Mapping[str, Translation] = field(default_factory=lambda: MappingProxyType({}))
    """What operators of your own are in ONNX: ``{"mylib.my_op": a function of onnxscript}``."""
    keep_custom: bool = False
    """Keep operators of your own that have no translation as nodes of their own domain, which onnxruntime has to be taught."""


@dataclass(frozen=True)
class Runnable:
    """What was written: how large it is, how the graph's operations are mapped, and how far it is from torch."""

    path: Path
    nbytes: int
    opset: int
    nodes: int
    mapped: int
    """The ONNX nodes that stem from an operation of the graph; the rest computes sizes and constants for them."""
    absent: tuple[Node, ...]
    """The operations of which no ONNX node is left: folded into constants, or doing nothing."""
    worst: Difference | None = None
    """The worst difference from torch, where it was verified."""
    compared: int = 0
    """At how many sets of sizes it was compared with torch."""


def write_runnable(view: View, path: str | Path, options: RunnableOptions | None = None) -> Runnable:
    """Write the graph of ``view`` as an ONNX model of standard operators with the numbers of its metrics on the nodes.

    The file is there whole, checked and (where asked) verified, or not at all.

    Raises:
        ExportError: the graph has no code or no weights, an operator has no translation, or onnxruntime does not agree.
        InputError: the place cannot be written to, or an option is not one.
        MissingDependency: onnxscript or onnxruntime is not installed.
    """
    options = options or RunnableOptions()
    if options.verify:
        require_onnxruntime()
    program = flatten(view.graph)
    _require_weights(program, options)
    with staged(Path(path)) as place:  # before the long work, so that a wrong name costs no time
        model = convert(
            program,
            capture(program),
            opset=options.opset,
            optimize=options.optimize,
            translations=options.translations,
            keep_custom=options.keep_custom,
        )
        write_names(model, view.graph)
        mapped = write_numbers(model, view)
        store(model, place, external=options.external_data, has_weights=program.has_weights())
        worst, compared = verify(place, program) if options.verify else (None, 0)
        nbytes = sum(file.stat().st_size for file in place.parent.iterdir())
    origins = [node for node in all_nodes(model) if "operation" in node.metadata_props]
    return Runnable(
        path=Path(path),
        nbytes=nbytes,
        opset=model.opset_imports[""],
        nodes=sum(1 for _ in all_nodes(model)),
        mapped=len(origins),
        absent=tuple(mapped.absent),
        worst=worst,
        compared=compared,
    )


def _require_weights(program: FlatProgram, options: RunnableOptions) -> None:
    if program.has_weights():
        return
    if options.data:
        raise ExportError(
            f"{program.graph.name} has no weights (it is on the meta device), and a model that runs needs them: build it with "
            f"weights (--random-weights), or write its structure alone with data=False (--no-data); {VIEW_INSTEAD}"
        )
    if options.verify:
        raise ExportError(f"{program.graph.name} has no weights: its structure alone cannot be compared with torch")
