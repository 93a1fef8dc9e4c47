"""The options of ``fxviz export --runnable``, and what it says of what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fxviz.command.options import packed
from fxviz.command.progress import progress

if TYPE_CHECKING:
    from fxviz.exporters.onnx.runnable import Runnable
    from fxviz.views.view import View

__all__ = ["RunnableFlags", "is_onnx", "runnable_options"]


@dataclass(frozen=True)
class RunnableFlags:
    """Whether a model is lowered, and how."""

    runnable: bool
    random_weights: bool
    no_data: bool
    opset: int | None
    no_optimize: bool
    verify: bool
    external_data: bool
    keep_custom: bool

    def check(self, formats: list[str]) -> None:
        """A usage error for flags that do not go together with each other or with any output."""
        given = [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value]
        if given and not self.runnable:
            raise click.UsageError(f"{given[0]} is of a runnable model: add --runnable")
        if self.runnable and not any(map(is_onnx, formats)):
            raise click.UsageError("--runnable is of ONNX: write to a file such as m.onnx")

    def write(self, view: View, output: str) -> str:
        """Write the model; gives a line on what was written."""
        if output == "-":
            raise click.UsageError("a runnable model cannot go to stdout, since it may be two files: give a name")
        with progress(f"lowering to {output}"):
            from fxviz.exporters.onnx.runnable import RunnableOptions, write_runnable

            options = RunnableOptions(
                opset=self.opset,
                optimize=not self.no_optimize,
                verify=self.verify,
                external_data=self.external_data or None,
                data=not self.no_data,
                keep_custom=self.keep_custom,
            )
            return _describe(write_runnable(view, output, options))


def is_onnx(format: str) -> bool:
    """Whether a format's name or suffix is that of ONNX."""
    return format.removeprefix(".") == "onnx"


def _describe(written: Runnable) -> str:
    from fxviz.text.quantity import format_quantity

    lines = [
        f"{written.path}: {format_quantity(written.nbytes, 'B')}, opset {written.opset}, {written.nodes} ONNX nodes, "
        f"{written.mapped} of them of an operation of the model"
    ]
    if written.absent:
        lines.append(f"folded into constants, or doing nothing: {len(written.absent)} operations")
    if written.worst is not None:
        sizes = "one set of sizes" if written.compared == 1 else f"{written.compared} sets of sizes"
        lines.append(f"onnxruntime agrees with torch at {sizes}; the worst is {written.worst}")
    return "\n".join(lines)


runnable_options = packed(
    "lowering",
    RunnableFlags,
    click.option("--runnable", is_flag=True, help="Write ONNX that runs, of standard operators and with weights."),
    click.option("--random-weights", is_flag=True, help="Give a model that is built here weights, at random."),
    click.option("--no-data", is_flag=True, help="Write the structure of a runnable model, without weights."),
    click.option("--opset", type=int, help="The version of ONNX's operators; by default what torch recommends."),
    click.option("--no-optimize", is_flag=True, help="Fold and fuse nothing."),
    click.option("--verify", is_flag=True, help="Compare onnxruntime with torch; fail where they differ."),
    click.option("--external-data", is_flag=True, help="Write weights to FILE.data, as is done from 2 GB on anyway."),
    click.option("--keep-custom", is_flag=True, help="Keep operators of your own that ONNX does not know."),
)
"""How a model is lowered: the argument ``lowering``, a `RunnableFlags`."""
