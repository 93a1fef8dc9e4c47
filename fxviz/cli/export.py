"""``fxviz export``: diagrams, tables and graphs in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxviz.command.options import MODEL_HELP, command, model_options, view_options
from fxviz.command.progress import progress
from fxviz.command.runnable import is_onnx, runnable_options
from fxviz.errors import InputError
from fxviz.exporters.base import format_suffix

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions, ViewOptions
    from fxviz.command.runnable import RunnableFlags

__all__ = ["export"]


@command(
    model_options,
    view_options,
    click.option(
        "-o",
        "--output",
        "outputs",
        required=True,
        multiple=True,
        metavar="FILE",
        help="Where to write; the suffix names the format, - is stdout. Repeatable: the model is traced once.",
    ),
    click.option("--format", "format_", metavar="FORMAT", help="The format, whatever the suffix."),
    click.option(
        "--direction",
        type=click.Choice(("TB", "LR")),
        help="Draw from top to bottom or from left to right; for pictures.",
    ),
    click.option("--data", is_flag=True, help="Put the data of the weights into an ONNX view, for Netron to show."),
    runnable_options,
    about=MODEL_HELP,
)
def export(
    source: ModelOptions,
    shown: ViewOptions,
    outputs: tuple[str, ...],
    format_: str | None,
    direction: str | None,
    data: bool,
    lowering: RunnableFlags,
) -> None:
    """Write diagrams, tables and graphs of the model to files."""
    from fxviz.exporters.base import find_exporter
    from fxviz.output import export as write
    from fxviz.output import render

    formats = {output: _format_of(output, format_) for output in outputs}
    lowering.check(list(formats.values()))
    for name in formats.values():
        find_exporter(name)  # before the long work, so that a typing error costs no time
    for output in outputs:
        if output != "-" and not Path(output).absolute().parent.is_dir():
            raise InputError(f"cannot write {output}: there is no folder {Path(output).parent}")
    facts = source.facts(random_weights=lowering.random_weights)
    for output, name in formats.items():
        if lowering.runnable and is_onnx(name):
            click.echo(lowering.write(shown.view(facts, name), output))
            continue
        options: dict[str, Any] = ({"direction": direction} if direction else {}) | ({"data": True} if data else {})
        if output == "-":
            click.echo(render(shown.view(facts, name), name, **options), nl=False)
            continue
        with progress(f"writing {output}"):
            write(shown.view(facts, name), output, name, **options)


def _format_of(output: str, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    if output == "-":
        raise click.UsageError("stdout has no suffix to name the format: give --format")
    if not (suffix := format_suffix(output)):
        raise click.UsageError(f"{output} has no suffix to name the format: add one, such as .svg, or give --format")
    return suffix
