"""The exporter of runnable ONNX: the four steps from a traced graph to an ONNX file that runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.errors import ExportError
from fxviz.exporters.base import Exporter, Written
from fxviz.exporters.onnx.runnable.capture import capture
from fxviz.exporters.onnx.runnable.convert import Translation, all_nodes, convert
from fxviz.exporters.onnx.runnable.flat import VIEW_INSTEAD, FlatProgram, flatten
from fxviz.exporters.onnx.runnable.naming import write_names
from fxviz.exporters.onnx.runnable.numbers import write_numbers
from fxviz.exporters.onnx.runnable.storing import store
from fxviz.exporters.onnx.runnable.verify import Difference, require_onnxruntime, verify
from fxviz.files import staged
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Node
    from fxviz.views.view import View

__all__ = ["Runnable", "RunnableOnnx"]


@dataclass(frozen=True, kw_only=True)
class Runnable(Written):
    """A runnable model that was written: how large it is, how the operations are mapped, how far it is from torch."""

    nbytes: int
    opset: int
    nodes: int
    mapped: int
    """The ONNX nodes that stem from an operation of the graph; the rest computes sizes and constants for them."""
    absent: tuple[Node, ...]
    """The operations of which no ONNX node is left: folded into constants, or doing nothing."""
    worst: Difference | None = None
    """The worst difference from torch, if it was verified."""
    compared: int = 0
    """At how many sets of sizes it was compared with torch."""

    def __str__(self) -> str:
        lines = [
            f"{super().__str__()}: {format_quantity(self.nbytes, 'B')}, opset {self.opset}, {self.nodes} ONNX nodes, "
            f"{self.mapped} of them of an operation of the model"
        ]
        if self.absent:
            lines.append(f"folded into constants, or doing nothing: {len(self.absent)} operations")
        if self.worst is not None:
            sizes = "one set of sizes" if self.compared == 1 else f"{self.compared} sets of sizes"
            lines.append(f"onnxruntime agrees with torch at {sizes}; the worst is {self.worst}")
        return "\n".join(lines)


@dataclass(frozen=True)
class RunnableOnnx(Exporter):
    """Writes the graph of a view as an ONNX model of standard operators, with the numbers of its metrics on the nodes.

    The graph must have been traced in this process, from a model with weights.

    Raises:
        ExportError: the graph has no code or no weights, an operator has no translation, or onnxruntime does not agree.
        InputError: the file cannot be written, or an option is wrong.
        MissingDependency: onnxscript or onnxruntime is not installed.
    """

    whole = True
    drawn = False
    binary = True
    embedding = "link"
    runnable = "onnx-runnable"

    opset: int | None = None
    """The version of ONNX's operators; by default the one that torch recommends."""
    optimize: bool = True
    """Fold constants, drop what does nothing, fuse what is one operator."""
    verify: bool = False
    """Run the file in onnxruntime and compare with torch; a difference beyond tolerance is an error, and no file."""
    external_data: bool | None = None
    """Weights in a second file, ``m.onnx.data``; by default if one file cannot hold them, from 2 GB on."""
    data: bool = True
    """False writes weights by shape and dtype alone, also for a model whose weights are on the meta device."""
    translations: Mapping[str, Translation] = field(default_factory=lambda: MappingProxyType({}))
    """What operators of your own are in ONNX: ``{"mylib.my_op": a function of onnxscript}``."""
    keep_custom: bool = False
    """Keep operators of your own without a translation as nodes of their own domain, which onnxruntime has to be taught."""

    def export(self, view: View) -> bytes:
        """Return the serialized model; raise `ExportError` if its weights need a second file: see `write`."""
        with TemporaryDirectory(prefix="fxviz-") as folder:
            written = self.write(view, Path(folder, "model.onnx"))
            if written.beside:
                raise ExportError("the weights of this model go into a file beside it: write it to a file")
            return written.path.read_bytes()

    def write(self, view: View, path: str | Path) -> Runnable:
        """Write the file ``path``, checked and (if asked) verified, and ``path.data`` if weights go beside it; or nothing."""
        if self.verify:
            require_onnxruntime()
        program = flatten(view.graph)
        self._require_weights(program)
        with staged(Path(path)) as place:  # before the long work, so that a wrong name costs no time
            model = convert(
                program,
                capture(program),
                opset=self.opset,
                optimize=self.optimize,
                translations=self.translations,
                keep_custom=self.keep_custom,
            )
            write_names(model, view.graph)
            mapped = write_numbers(model, view)
            store(model, place, external=self.external_data, has_weights=program.has_weights())
            worst, compared = verify(place, program) if self.verify else (None, 0)
            sizes = {file.name: file.stat().st_size for file in place.parent.iterdir()}
        origins = [node for node in all_nodes(model) if "operation" in node.metadata_props]
        return Runnable(
            path=Path(path),
            beside=tuple(Path(path).with_name(name) for name in sizes if name != place.name),
            nbytes=sum(sizes.values()),
            opset=model.opset_imports[""],
            nodes=sum(1 for _ in all_nodes(model)),
            mapped=len(origins),
            absent=tuple(mapped.absent),
            worst=worst,
            compared=compared,
        )

    def _require_weights(self, program: FlatProgram) -> None:
        if program.has_weights():
            return
        if self.data:
            raise ExportError(
                f"{program.graph.name} has no weights (it is on the meta device), and a model that runs needs them: build "
                f"it with weights (--random-weights), or write its structure alone with data=False (--no-data); {VIEW_INSTEAD}"
            )
        if self.verify:
            raise ExportError(f"{program.graph.name} has no weights: its structure alone cannot be compared with torch")
