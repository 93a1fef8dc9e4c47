"""``fxviz netron``: the model in Netron."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from fxviz.command.options import MODEL_HELP, command, model_options, view_options
from fxviz.command.progress import progress
from fxviz.command.writing import say_written

if TYPE_CHECKING:
    from fxviz.command.options import ModelOptions, ViewOptions

__all__ = ["netron"]


@command(
    model_options,
    view_options,
    click.option("--data", is_flag=True, help="Put in the weights' data, for Netron to list their values."),
    click.option("--random-weights", is_flag=True, help="Give the model random weights if it is built here."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; a free one by default."
    ),
    click.option("--no-browser", is_flag=True, help="Print the address; do not open a browser."),
    click.option(
        "--screenshot",
        metavar="FILE",
        type=click.Path(dir_okay=False, writable=True),
        help="Write a PNG of what Netron shows, and serve nothing. Needs Chromium or Chrome.",
    ),
    about=MODEL_HELP,
)
def netron(
    source: ModelOptions,
    shown: ViewOptions,
    data: bool,
    random_weights: bool,
    port: int,
    no_browser: bool,
    screenshot: str | None,
) -> None:
    """Open a model in Netron, on this machine only.

    The page is served until Ctrl-C.
    """
    from fxviz.exporters.onnx import Onnx
    from fxviz.files import write_file
    from fxviz.integrations.browser import find_browser
    from fxviz.integrations.netron import serve, take_picture

    if screenshot is not None:
        find_browser()  # before the long work
    facts = shown.facts(source, random_weights=random_weights)
    with progress("writing ONNX"):
        content = Onnx(data=data).export(shown.view(facts, "onnx"))
    if screenshot is not None:
        with progress("drawing in Netron"):
            picture = take_picture(content, facts.graph.name)
        write_file(screenshot, picture)
        say_written(screenshot)
        return
    with serve(content, facts.graph.name, port=port, browser=not no_browser) as address:
        click.echo(f"{facts.graph.name} is at {address}; Ctrl-C stops")
        threading.Event().wait()
