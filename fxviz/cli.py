"""The command line: ``fxviz summary``, ``fxviz export``, ``fxviz netron``.

The only module that prints. What takes long to import is imported in the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import click

from fxviz.errors import FxvizError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from click.shell_completion import CompletionItem

    from fxviz.facts import Facts
    from fxviz.passes.roofline import Roofline
    from fxviz.tracing import Mode
    from fxviz.view import View

__all__ = ["main"]

Function: TypeAlias = "Callable[..., Any]"

LOSSES = ("mean", "own")
MODES = ("auto", "record", "symbolic", "export", "eager")
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended: 128 + SIGINT


# How a run ends -------------------------------------------------------------------------------------------------------


class _Group(click.Group):
    """Ends every failure with one line on stderr and an exit code: 1, 2 for wrong usage, 130 for Ctrl-C."""

    def main(  # type: ignore[override]  # click overloads it on standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.Abort:
            _fail("interrupted", INTERRUPTED)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "fxviz"
            _fail(f"{error.format_message().rstrip('.')}; see {command} --help", error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


class _Command(click.Command):
    """A command whose errors are told in one line; ``--traceback`` tells the rest."""

    def invoke(self, ctx: click.Context) -> Any:
        detailed = ctx.params.pop("traceback")
        if not detailed:
            warnings.simplefilter("ignore")  # what libraries have to say to those who call them
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if detailed:
                traceback.print_exc()
            raise click.ClickException(_in_one_line(error, detailed)) from error


def _in_one_line(error: Exception, detailed: bool) -> str:
    words = str(error) if isinstance(error, FxvizError) else f"{type(error).__name__}: {error}"
    words = "; ".join([words, *getattr(error, "__notes__", ())])
    hint = "" if detailed or isinstance(error, InputError) else " (--traceback tells more)"
    return " ".join(words.split()) + hint


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"fxviz: {message}", err=True)
    sys.exit(code)


# Options --------------------------------------------------------------------------------------------------------------


def _options(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    return lambda command: reduce(lambda inner, option: option(inner), reversed(options), command)


def _complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    zoos = [CompletionItem(f"{zoo}:") for zoo in ("timm", "torchvision", "transformers") if zoo.startswith(incomplete)]
    return [*zoos, CompletionItem(incomplete, type="file")]


_traceback = click.option("--traceback", is_flag=True, help="On an error, print all that is known of it.")
_model = _options(
    click.argument("model", shell_complete=_complete_model),
    click.option(
        "-i",
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE[:DTYPE]",
        help="An input, such as 1,3,224,224 or input_ids=B,128:int64. A letter is a symbol; B@8 traces it at 8. Repeatable.",
    ),
    click.option("--dtype", metavar="DTYPE", help="Build the model in this dtype, such as bfloat16."),
    click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="How to trace."),
)
_view = _options(
    click.option(
        "--depth",
        type=click.IntRange(min=0),
        help="Close all modules that are nested deeper, instead of those that the budget leaves no room for.",
    ),
    click.option(
        "--budget",
        type=click.IntRange(min=1),
        help="Show at most so many things, what costs most in detail; by default as many as fit on a page.",
    ),
    click.option("--focus", metavar="PATH", help="Open one module, such as encoder.layers.3, and close all around it."),
    click.option("--no-fold", is_flag=True, help="Show every copy of a repeated block."),
    click.option("--no-hide", is_flag=True, help="Show views, reshapes, casts and idle dropout in pictures too."),
    click.option(
        "--show",
        metavar="NAMES",
        help="The numbers to show, separated by commas: parameters, flops, memory, or those of a plugin.",
    ),
    click.option("--color", metavar="NAME", help="Colour pictures by one of these numbers, the darker the more."),
)

MODEL_HELP = """
MODEL is torchvision:resnet50, timm:vit_tiny_patch16_224, transformers:gpt2 (a model type), package.module:attribute,
file.py:attribute, a config.json of Hugging Face, a .pt2 program, or a graph saved as .json.
"""


def _command(*options: Callable[[Function], Function]) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of `main` with these options and the help that all of them share."""

    def register(function: Callable[..., Any]) -> click.Command:
        function.__doc__ = f"{function.__doc__}\n{MODEL_HELP}"
        return main.command(cls=_Command)(_options(*options, _traceback)(function))

    return register


# Commands -------------------------------------------------------------------------------------------------------------


@click.group("fxviz", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fxviz", message="%(prog)s %(version)s")
def main() -> None:
    """Know a PyTorch model before you run it: its shapes, FLOPs and memory, on diagrams that one can read."""


@_command(
    _model,
    _view,
    click.option(
        "--device", metavar="DEVICE", help="Estimate the time on a device: a100, h100, h200, l4, mi300x, a TOML file."
    ),
)
def summary(
    model: str,
    inputs: tuple[str, ...],
    dtype: str | None,
    mode: Mode,
    depth: int | None,
    budget: int | None,
    focus: str | None,
    no_fold: bool,
    no_hide: bool,
    show: str | None,
    color: str | None,
    device: str | None,
) -> None:
    """Print a table of the model, its totals, and what was not counted."""
    from rich.console import Console

    from fxviz.exporters.table import Text, rich_table
    from fxviz.report import report_lines

    roofline = None if device is None else _roofline(device)
    facts = _facts(model, inputs, dtype, mode)
    with _progress("counting"):
        view = _view_of(facts, "text", depth, budget, focus, no_fold, no_hide, show, color)
        if roofline is not None:
            view = replace(view, metrics=(*view.metrics, facts[roofline]))
        lines = report_lines(facts, roofline)
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(rich_table(view))
    else:
        click.echo(Text().export(view))
    for line in lines:
        click.echo(line)


@_command(
    _model,
    _view,
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
)
def export(
    model: str,
    inputs: tuple[str, ...],
    dtype: str | None,
    mode: Mode,
    depth: int | None,
    budget: int | None,
    focus: str | None,
    no_fold: bool,
    no_hide: bool,
    show: str | None,
    color: str | None,
    outputs: tuple[str, ...],
    format_: str | None,
) -> None:
    """Write diagrams, tables and graphs of the model to files."""
    from fxviz.files import write_file
    from fxviz.output import render
    from fxviz.plugins import find_exporter

    formats = {output: _format_of(output, format_) for output in outputs}
    for name in formats.values():
        find_exporter(name)  # before the long work, so that a typing error costs no time
    for output in outputs:
        if output != "-" and not Path(output).absolute().parent.is_dir():
            raise InputError(f"cannot write {output}: there is no folder {Path(output).parent}")
    facts = _facts(model, inputs, dtype, mode)
    for output, name in formats.items():
        with _progress(f"writing {output}"):
            content = render(_view_of(facts, name, depth, budget, focus, no_fold, no_hide, show, color), name)
            if output != "-":
                write_file(output, content)
        if output == "-":
            click.echo(content, nl=False)


@_command(
    _model,
    _view,
    click.option(
        "--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on; a free one by default."
    ),
    click.option("--no-browser", is_flag=True, help="Print the address and open nothing."),
)
def netron(
    model: str,
    inputs: tuple[str, ...],
    dtype: str | None,
    mode: Mode,
    depth: int | None,
    budget: int | None,
    focus: str | None,
    no_fold: bool,
    no_hide: bool,
    show: str | None,
    color: str | None,
    port: int,
    no_browser: bool,
) -> None:
    """Open the model in Netron, served on this machine only, until Ctrl-C."""
    from fxviz.netron import serve
    from fxviz.output import render

    facts = _facts(model, inputs, dtype, mode)
    with _progress("writing ONNX"):
        content = render(_view_of(facts, "onnx", depth, budget, focus, no_fold, no_hide, show, color), "onnx")
    content = content.encode() if isinstance(content, str) else content
    logging.getLogger().addHandler(logging.NullHandler())  # else netron makes one that prints the path of its file
    with serve(content, facts.graph.name, port=port, browser=not no_browser) as address:
        click.echo(f"{facts.graph.name} is at {address}; Ctrl-C stops")
        threading.Event().wait()


@_command(
    _model,
    click.option("--train", is_flag=True, help="Of a training step: forward, loss and backward."),
    click.option("--loss", type=click.Choice(LOSSES), help="The mean of the first result, or the model's own loss."),
    click.option("--optimizer", metavar="NAME", help="The optimizer of the step, such as adamw or sgd."),
    click.option(
        "--round-to", type=click.IntRange(min=1), default=1, help="The allocator's granularity in bytes; CUDA's is 512."
    ),
    click.option("--depth", type=click.IntRange(min=0), help="Tell modules apart to this depth."),
    click.option("-o", "--output", metavar="FILE", help="Draw the timeline to an .svg, .png or .pdf file."),
)
def memory(
    model: str,
    inputs: tuple[str, ...],
    dtype: str | None,
    mode: Mode,
    train: bool,
    loss: str | None,
    optimizer: str | None,
    round_to: int,
    depth: int | None,
    output: str | None,
) -> None:
    """Print the peak memory of a run or a training step, and what is alive then; draw the timeline."""
    from fxviz.passes.memory import Memory
    from fxviz.plot import format_of, plot_memory
    from fxviz.report import memory_lines

    if not train and (loss or optimizer):
        raise click.UsageError(f"{'--loss' if loss else '--optimizer'} is of a training step: add --train")
    if train and mode != "auto":
        raise click.UsageError(f"--mode {mode} is of a forward pass alone: a training step is always recorded")
    if output is not None:
        format_of(output)  # before the long work
    if train:
        facts = _training_facts(model, inputs, dtype, loss or LOSSES[0], optimizer)
    else:
        facts = _facts(model, inputs, dtype, mode)
    for line in memory_lines(facts[Memory(round_to)], depth):
        click.echo(line.rstrip())
    if output is not None:
        with _progress(f"drawing {output}"):
            plot_memory(facts, output, round_to=round_to, depth=depth)


@main.command(cls=_Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@_traceback
def completion(shell: str) -> None:
    """Print what makes SHELL complete fxviz's commands and options.

    For bash, add to ~/.bashrc:  eval "$(fxviz completion bash)"
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:
        raise InputError(f"click knows no completion for {shell}")
    click.echo(complete(main, {}, "fxviz", "_FXVIZ_COMPLETE").source())


# Steps that commands share --------------------------------------------------------------------------------------------


def _facts(model: str, inputs: tuple[str, ...], dtype: str | None, mode: Mode) -> Facts:
    _prepare_imports()
    with _progress(f"tracing {model}"):
        from fxviz import models
        from fxviz.facts import Facts

        return Facts(models.trace(model, inputs, dtype=dtype, mode=mode))


def _training_facts(model: str, inputs: tuple[str, ...], dtype: str | None, loss: str, optimizer: str | None) -> Facts:
    _prepare_imports()
    with _progress(f"tracing {model}"):
        from fxviz import models
        from fxviz.facts import Facts

        return Facts(models.trace_training(model, inputs, dtype=dtype, loss=loss, optimizer=optimizer))


def _prepare_imports() -> None:
    """Make the working directory importable, and tell libraries to stay off the network and quiet."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    sys.path.insert(0, os.getcwd())


def _view_of(
    facts: Facts,
    format: str,
    depth: int | None,
    budget: int | None,
    focus: str | None,
    no_fold: bool,
    no_hide: bool,
    show: str | None,
    color: str | None,
) -> View:
    """The view that the options ask for; what they leave open is as `fxviz.output.default_view` has it."""
    from fxviz.output import READABLE, SHOWN, is_whole
    from fxviz.plugins import find_analysis
    from fxviz.view import View

    names = SHOWN if show is None else tuple(name.strip() for name in show.split(",") if name.strip())
    picture = not is_whole(format)
    return View.of(
        facts,
        depth=depth,
        fold=not no_fold,
        hide=picture and not no_hide,
        budget=READABLE if budget is None and depth is None and picture else budget,
        show=tuple(find_analysis(name)() for name in names),
        focus=focus,
        color=color,
    )


def _roofline(device: str) -> Roofline:
    from fxviz.passes.devices import find_device
    from fxviz.passes.roofline import Roofline

    return Roofline(find_device(device))  # found before the long work, so that a typing error costs no time


def _format_of(output: str, wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    if output == "-":
        raise click.UsageError("stdout has no suffix to name the format: give --format")
    if not Path(output).suffix:
        raise click.UsageError(f"{output} has no suffix to name the format: add one, such as .svg, or give --format")
    return Path(output).suffix


@contextmanager
def _progress(doing: str) -> Iterator[None]:
    """Say what is going on, on a terminal, once it has taken a second."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(f"{doing} …")
    timer = threading.Timer(1.0, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
