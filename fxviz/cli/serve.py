"""``fxviz serve``: a training run, live on a page of this machine."""

from __future__ import annotations

import threading
import webbrowser
from typing import TYPE_CHECKING

import click

from fxviz.command.options import MODEL_HELP, ModelOptions, TracingOptions, command, complete_model, tracing_options

if TYPE_CHECKING:
    from fxviz.training.run import Run
    from fxviz.views.view import View

__all__ = ["serve"]


@command(
    click.argument("run", type=click.Path()),
    click.argument("model", required=False, shell_complete=complete_model),
    tracing_options,
    click.option(
        "--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; a free one by default."
    ),
    click.option("--no-browser", is_flag=True, help="Print the address; do not open a browser."),
    about=MODEL_HELP,
)
def serve(run: str, model: str | None, traced: TracingOptions, port: int, no_browser: bool) -> None:
    """Show a training run live in a browser, on this machine only.

    The page is served until Ctrl-C. RUN is a folder that fxviz.watch writes. With MODEL, the layers of its graph are coloured
    by what was recorded of them.
    """
    from fxviz.dashboard.server import serve as serve_run

    if model is None and traced != TracingOptions((), None, "auto", None):
        raise click.UsageError("there is no MODEL to trace: name one after RUN, or leave its options out")

    def view(found: Run) -> View:
        from fxviz.dashboard.api import graph_view

        assert model is not None
        source = ModelOptions(model, traced.inputs, traced.dtype, traced.mode, traced.device)
        return graph_view(source.facts(), found)

    with serve_run(run, port=port, view=view if model is not None else None) as address:
        click.echo(f"{run} is at {address}; Ctrl-C stops")
        if not no_browser:
            webbrowser.open(address)
        threading.Event().wait()
