"""``fxviz export``: diagrams, tables and graphs in files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fxviz.command.formats import format_options
from fxviz.command.options import MODEL_HELP, command, model_options, view_options
from fxviz.command.progress import progress
from fxviz.command.writing import check_folder, say_written
from fxviz.exporters.base import find_exporter, format_suffix, runnable_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.command.formats import FormatOptions
    from fxviz.command.options import ModelOptions, ViewOptions

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
        help="The file to write; its suffix names the format, - is stdout. Repeatable: the model is traced once.",
    ),
    click.option("--format", "format_", metavar="FORMAT", help="The format; by default the suffix names it."),
    click.option("--runnable", is_flag=True, help="Write ONNX that runs: standard operators, with weights."),
    click.option("--random-weights", is_flag=True, help="Give the model random weights if it is built here."),
    format_options,
    about=MODEL_HELP,
)
def export(
    source: ModelOptions,
    shown: ViewOptions,
    outputs: tuple[str, ...],
    format_: str | None,
    runnable: bool,
    random_weights: bool,
    options: FormatOptions,
) -> None:
    """Write diagrams, tables and graphs of a model to files."""
    formats = {output: _format_of(output, format_) for output in outputs}
    formats = _runnable_forms(formats) if runnable else formats
    exporters = options.exporters(formats)  # before the long work, so that a typing error costs no time
    for output in outputs:
        _refuse_unwritable(output, formats[output])
    facts = shown.facts(source, random_weights=random_weights)
    for output, exporter in exporters.items():
        view = shown.view(facts, formats[output])
        if output == "-":
            click.echo(exporter.export(view), nl=False)
            continue
        with progress(f"writing {output}"):
            written = exporter.write(view, output)
        say_written(written)


def _format_of(output: str, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    if output == "-":
        raise click.UsageError("stdout has no suffix to name the format: give --format")
    if not (suffix := format_suffix(output)):
        raise click.UsageError(f"{output} has no suffix to name the format: add one, such as .svg, or give --format")
    return suffix


def _runnable_forms(formats: Mapping[str, str]) -> dict[str, str]:
    """Return the formats, each replaced by its runnable form if it has one."""
    if not any(find_exporter(format).runnable for format in formats.values()):
        raise click.UsageError("only ONNX is runnable: write to a file such as m.onnx")
    return {
        output: runnable_form(format) if find_exporter(format).runnable else format
        for output, format in formats.items()
    }


def _refuse_unwritable(output: str, format: str) -> None:
    check_folder(output)
    if output == "-" and find_exporter(format).binary and sys.stdout.isatty():
        raise click.UsageError(
            f"{format.removeprefix('.')} is not text for a terminal: redirect stdout, or give a file with -o"
        )
