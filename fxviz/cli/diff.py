"""``fxviz diff``: what changed from one model to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxviz.command.limits import LimitOptions, limit_options, print_findings
from fxviz.command.options import MODEL_HELP, command, complete_model, prepare_imports, tracing_options
from fxviz.command.progress import prints_aside, progress
from fxviz.command.renamed import Renamed
from fxviz.command.writing import check_folder, say_written

if TYPE_CHECKING:
    from fxviz.command.options import TracingOptions
    from fxviz.comparison import GraphDiff
    from fxviz.ir import Graph

__all__ = ["diff"]

ABOUT = f"""{MODEL_HELP}
A LIMIT of B is an amount, such as 5G or 8GiB, or a change from A: +5%, -10%. The exit code is 0 if nothing differs or, with
limits, if B keeps to them; 1 if not; 2 on an error.
"""

REPORTS = {
    ".txt": "text", "text": "text", "txt": "text",
    ".md": "markdown", "markdown": "markdown", "md": "markdown",
    ".json": "json", "json": "json",
}  # fmt: skip
"""The report that a suffix or a format's name asks for; every other one is a picture."""

STYLES = {"added": "green", "removed": "red", "changed": "yellow", "moved": "blue", "kept": ""}


@command(
    click.argument("before", metavar="A", shell_complete=complete_model),
    click.argument("after", metavar="B", shell_complete=complete_model),
    tracing_options,
    limit_options,
    click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Write the report (.md for a pull request, .txt, .json) or a picture (.svg, .mmd, .dot, .html); - is stdout.",
    ),
    click.option("--format", "format_", metavar="FORMAT", help="The format, whatever the suffix."),
    click.option(
        "--max-boxes",
        cls=Renamed,
        old="--budget",
        type=click.IntRange(min=1),
        help="Show at most this many boxes in a picture.",
    ),
    click.option("--depth", type=click.IntRange(min=0), help="Collapse modules below this depth in a picture."),
    about=ABOUT,
    answers=True,
)
def diff(
    before: str,
    after: str,
    traced: TracingOptions,
    limited: LimitOptions,
    outputs: tuple[str, ...],
    format_: str | None,
    max_boxes: int | None,
    depth: int | None,
) -> int:
    """Print what changed between two models.

    In structure, shapes and cost, from A to B, each named as a MODEL.
    """
    from fxviz.analysis.facts import Facts
    from fxviz.comparison import diff as compare
    from fxviz.exporters.base import find_exporter
    from fxviz.files import write_file

    limits = limited.limits() if limited.given else None
    formats = {output: _format_of(output, format_) for output in outputs}
    for output, format in formats.items():
        if format not in REPORTS:
            find_exporter(format)  # before the long work, so that a typing error costs no time
        check_folder(output)
    prepare_imports()
    graphs = [
        _graph(name, traced, apart=number > 0 and _shadows(before, name)) for number, name in enumerate((before, after))
    ]
    with progress("comparing"):
        found = compare(*(replace(graph, name=name) for graph, name in zip(graphs, (before, after), strict=True)))
        contents = {output: _written(found, format, max_boxes, depth) for output, format in formats.items()}
        findings = limits.check(*(Facts(graph) for graph in reversed(graphs))) if limits else ()
    for output, content in contents.items():
        if output == "-":
            click.echo(content, nl=False)
        else:
            write_file(output, content)
            say_written(output)
    if not outputs:
        _print(found)
    if limits is not None:
        return 0 if print_findings(findings, after) else 1
    return 0 if found.equal else 1


def _format_of(output: str, wanted: str | None) -> str:
    if wanted is None and not Path(output).suffix:
        where = "stdout" if output == "-" else output
        raise click.UsageError(f"{where} has no suffix to name the format: give --format, such as markdown")
    return wanted or Path(output).suffix


def _graph(name: str, traced: TracingOptions, *, apart: bool) -> Graph:
    from fxviz import models
    from fxviz.models.names import SavedGraph, parse_name
    from fxviz.models.revisions import trace_apart

    if isinstance(parse_name(name), SavedGraph):  # the options are for the other model
        return models.trace(name)
    with progress(f"tracing {name}"), prints_aside():
        trace = trace_apart if apart else models.trace
        return trace(name, traced.inputs, dtype=traced.dtype, mode=traced.mode, device=traced.device)


def _shadows(before: str, after: str) -> bool:
    """Whether two files may import other modules by the same names: each from its own folder."""
    places = [Path(name.rpartition(":")[0]) for name in (before, after)]
    if not all(place.suffix == ".py" for place in places):
        return False
    return places[0].resolve().parent != places[1].resolve().parent


def _written(found: GraphDiff, format: str, max_boxes: int | None, depth: int | None) -> str | bytes:
    from fxviz.output import render

    match REPORTS.get(format):
        case "text":
            return f"{found}\n"
        case "markdown":
            return found.markdown()
        case "json":
            return found.json()
        case _:
            return render(found.view(max_boxes, depth), format)


def _print(found: GraphDiff) -> None:
    """Print the report, in colours on a terminal."""
    from rich.console import Console
    from rich.text import Text

    from fxviz.comparison.text import change_lines, headline, summary_lines

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        click.echo(str(found))
        return
    console.print(Text(headline(found), style="bold"), "")
    for line in change_lines(found):
        style = STYLES[line.status.name.lower()]
        head = Text(f"{line.status.value} {'  ' * line.depth}{line.title}", style=style)
        costs = Text(" · ".join(("", *line.costs)) if line.costs else "", style="dim")
        console.print(head + Text("".join(f" · {detail}" for detail in line.details)) + costs)
    if not found.equal:
        console.print("", *summary_lines(found), sep="\n", markup=False)
