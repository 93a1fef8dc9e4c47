"""Options that commands share. Options that belong together reach the command as one argument, a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import sys
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from fxviz.command.ending import Command
from fxviz.command.progress import prints_aside, progress
from fxviz.command.renamed import Renamed
from fxviz.errors import InputError
from fxviz.plugins import plugin_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.shell_completion import CompletionItem

    from fxviz.analysis.facts import Facts
    from fxviz.passes.roofline import Roofline
    from fxviz.tracing import Mode
    from fxviz.views.spec import ViewSpec
    from fxviz.views.view import View

__all__ = [
    "MODEL_HELP",
    "ModelOptions",
    "TracingOptions",
    "ViewOptions",
    "command",
    "complete_model",
    "find_roofline",
    "model_options",
    "packed",
    "prepare_imports",
    "roofline_option",
    "split_device",
    "tracing_options",
    "view_options",
]

Function: TypeAlias = "Callable[..., Any]"
Option: TypeAlias = "Callable[[Function], Function]"

MODES = ("auto", "record", "symbolic", "export", "eager")
MODEL_HELP = f"""
MODEL is ZOO:NAME, such as torchvision:resnet50 (zoos: {", ".join(plugin_names("fxviz.zoos"))}), package.module:attribute,
file.py:attribute, a config.json of Hugging Face, a .pt2 program, an .onnx model, or a graph saved as .json. A file may be
followed by a revision of git: net.py@main:Net, graph.json@HEAD~1.
"""


def command(*options: Option, about: str = "", answers: bool = False) -> Callable[[Function], click.Command]:
    """Make a command with these options and ``--traceback``; its help is the docstring and ``about``.

    A command that ``answers`` yes or no by its exit code has another code for failures.
    """

    def make(function: Function) -> click.Command:
        help = f"{inspect.cleandoc(function.__doc__ or '')}\n{about}"
        return click.command(cls=Command, help=help, answers=answers)(_with((*options, _traceback), function))

    return make


@dataclass(frozen=True)
class TracingOptions:
    """With which inputs models are traced, and how."""

    inputs: tuple[str, ...]
    dtype: str | None
    mode: Mode
    device: str | None


@dataclass(frozen=True)
class ModelOptions:
    """Which model is traced, with which inputs, and how."""

    model: str
    inputs: tuple[str, ...]
    dtype: str | None
    mode: Mode
    device: str | None

    def facts(self, *, random_weights: bool = False) -> Facts:
        """Trace the model, with progress shown; return the facts of its graph."""
        prepare_imports()
        with progress(f"tracing {self.model}"), prints_aside():
            from fxviz import models
            from fxviz.analysis.facts import Facts

            graph = models.trace(
                self.model,
                self.inputs,
                dtype=self.dtype,
                mode=self.mode,
                device=self.device,
                random_weights=random_weights,
            )
            return Facts(graph)


@dataclass(frozen=True)
class ViewOptions:
    """What is shown of a graph."""

    depth: int | None
    max_boxes: int | None
    focus: str | None
    alone: bool
    no_fold: bool
    hide: bool | None
    no_group: bool
    show: str | None
    color: str | None
    no_ends: bool
    weights: bool

    def facts(self, source: ModelOptions, *, random_weights: bool = False) -> Facts:
        """Trace the model; return the facts of what is shown of it: of all, or of the module in focus alone."""
        if self.alone and self.focus is None:
            raise click.UsageError("--alone is for a module: name it with --focus")
        return self.narrow(source.facts(random_weights=random_weights))

    def narrow(self, facts: Facts) -> Facts:
        """Return the facts of the module in focus, if it is to stand alone."""
        if not self.alone or self.focus is None:
            return facts
        from fxviz.analysis.facts import Facts as FactsOf
        from fxviz.ir.extraction import extract

        return FactsOf(extract(facts.graph, self.focus))

    def view(self, facts: Facts, format: str) -> View:
        """Decide the view that the options ask for."""
        from fxviz.views.view import View

        return View.from_spec(facts, self.spec(format))

    def spec(self, format: str) -> ViewSpec:
        """Return the view to write in a format; what the options leave open is as in `fxviz.output.default_spec`."""
        from fxviz.output import default_spec

        default = default_spec(format)
        return replace(
            default,
            depth=self.depth,
            fold=not self.no_fold,
            hide=default.hide if self.hide is None else self.hide,
            budget=default.budget if self.max_boxes is None and self.depth is None else self.max_boxes,
            show=default.show if self.show is None else tuple(filter(None, map(str.strip, self.show.split(",")))),
            group=default.group and not self.no_group,
            focus=None if self.alone else self.focus,
            color=self.color,
            ends=not self.no_ends,
            weights=self.weights,
        )


def prepare_imports() -> None:
    """Make the working directory importable, and tell libraries to stay off the network and quiet."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    sys.path.insert(0, os.getcwd())


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what a shell offers for MODEL: the zoos, and files."""
    from click.shell_completion import CompletionItem

    zoos = [CompletionItem(f"{zoo}:") for zoo in plugin_names("fxviz.zoos") if zoo.startswith(incomplete)]
    return [*zoos, CompletionItem(incomplete, type="file")]


def find_roofline(device: str) -> Roofline:
    """Return the analysis for a named device, or for a device in a TOML file."""
    from fxviz.passes.devices import find_device
    from fxviz.passes.roofline import Roofline

    return Roofline(find_device(device))  # before the long work, so that a typing error costs no time


def split_device(source: ModelOptions, roofline: str | None) -> tuple[ModelOptions, str | None]:
    """Return what is traced, and the device of the roofline, which was called ``--device`` before 0.2."""
    if source.device is None or roofline is not None:
        return source, roofline
    try:
        find_roofline(source.device)
    except InputError:  # a device of torch
        return source, None
    return replace(source, device=None), source.device


def packed(argument: str, kind: type, *options: Option) -> Option:
    """Pack the values of options into one ``argument`` of the command: a ``kind``, whose fields have their names."""
    names = [field.name for field in dataclasses.fields(kind)]

    def add(function: Function) -> Function:
        @functools.wraps(function)
        def packing(**given: Any) -> Any:
            return function(**{argument: kind(**{name: given.pop(name) for name in names})}, **given)

        return _with(options, packing)

    return add


def _with(options: Sequence[Option], function: Function) -> Function:
    """Add these options to the function; the first comes first in the help."""
    return reduce(lambda inner, option: option(inner), reversed(options), function)


_traceback = click.option("--traceback", is_flag=True, help="Print the traceback of an error.")

_tracing = (
    click.option(
        "-i",
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE[:DTYPE]",
        help="An input, such as 1,3,224,224 or input_ids=B,128:int64. A letter is a free size; B@8 traces it at 8. Repeatable.",
    ),
    click.option("--dtype", metavar="DTYPE", help="Build the model in this dtype, such as bfloat16."),
    click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="How to trace the model."),
    click.option(
        "--device",
        cls=Renamed,
        old="--on",
        metavar="DEVICE",
        help="Trace as if on this device, such as cuda. It need not be there.",
    ),
)

tracing_options = packed("traced", TracingOptions, *_tracing)
"""How models are traced: the argument ``traced``, a `TracingOptions`."""

model_options = packed(
    "source",
    ModelOptions,
    click.argument("model", shell_complete=complete_model),
    *_tracing,
)
"""MODEL and how it is traced: the argument ``source``, a `ModelOptions`."""

view_options = packed(
    "shown",
    ViewOptions,
    click.option(
        "--depth", type=click.IntRange(min=0), help="Collapse modules below this depth (overrides --max-boxes)."
    ),
    click.option(
        "--max-boxes",
        cls=Renamed,
        old="--budget",
        type=click.IntRange(min=1),
        help="Show at most this many boxes, and open the costliest modules first. [default: what fits on a page]",
    ),
    click.option("--focus", metavar="PATH", help="Open one module, such as encoder.layers.3; collapse the others."),
    click.option("--alone", is_flag=True, help="Show the module in --focus and nothing else; totals are its own."),
    click.option("--no-fold", is_flag=True, help="Show every copy of a repeated block."),
    click.option(
        "--hide/--no-hide",
        default=None,
        help="Hide views, reshapes, casts and inactive dropout (the default for pictures), or show them.",
    ),
    click.option("--no-group", is_flag=True, help="Do not draw a box around the operations of a helper function."),
    click.option(
        "--show",
        metavar="NAMES",
        help="The numbers to show, separated by commas: parameters, flops, memory, or those of a plugin.",
    ),
    click.option(
        "--color",
        metavar="NAME",
        help="Colour pictures by one of these numbers (darker is more), by dtype, or by phase of training.",
    ),
    click.option("--no-ends", is_flag=True, help="Hide the inputs and outputs of the model."),
    click.option("--weights", is_flag=True, help="Draw the parameters and buffers that visible operations read."),
)
"""What is shown: the argument ``shown``, a `ViewOptions`."""

roofline_option = click.option(
    "--roofline",
    metavar="DEVICE",
    help="Estimate the least time on a device: a100, h100, h200, l4, mi300x, or a TOML file.",
)
"""The device whose roofline bounds the time: the argument ``roofline``."""
