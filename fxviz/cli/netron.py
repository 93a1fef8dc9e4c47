"""``fxviz netron``: the model in Netron."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import click

from fxviz.cli.options import MODEL_HELP, command, model_options, view_options
from fxviz.cli.progress import progress

if TYPE_CHECKING:
    from fxviz.cli.options import ModelOptions, ViewOptions

__all__ = ["netron"]


@command(
    model_options,
    view_options,
    click.option(
        "--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; a free one by default."
    ),
    click.option("--no-browser", is_flag=True, help="Print the address and open nothing."),
    about=MODEL_HELP,
)
def netron(source: ModelOptions, shown: ViewOptions, port: int, no_browser: bool) -> None:
    """Open the model in Netron, served on this machine only, until Ctrl-C."""
    from fxviz.netron import serve
    from fxviz.output import render

    facts = source.facts()
    with progress("writing ONNX"):
        content = render(shown.view(facts, "onnx"), "onnx")
    content = content.encode() if isinstance(content, str) else content
    logging.getLogger().addHandler(logging.NullHandler())  # else netron makes one that prints the path of its file
    with serve(content, facts.graph.name, port=port, browser=not no_browser) as address:
        click.echo(f"{facts.graph.name} is at {address}; Ctrl-C stops")
        threading.Event().wait()
