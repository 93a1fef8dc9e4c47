"""Options that commands share. Those that belong together reach the command as one argument, a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from fxviz.command.ending import Command
from fxviz.command.progress import progress
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
    """A command with these options and ``--traceback``; ``about`` follows the help of its docstring.

    One that ``answers`` yes or no by its exit code has another one for failures.
    """

    def make(function: Function) -> click.Command:
        help = f"{function.__doc__}\n{about}"
        return click.command(cls=Command, help=help, answers=answers)(_with((*options, _traceback), function))

    return make


@dataclass(frozen=True)
class TracingOptions:
    """With which inputs models are traced, and how."""

    inputs: tuple[str, ...]
    dtype: str | None
    mode: Mode
    on: str | None


@dataclass(frozen=True)
class ModelOptions:
    """Which model, with which inputs, traced how."""

    model: str
    inputs: tuple[str, ...]
    dtype: str | None
    mode: Mode
    on: str | None

    def facts(self, *, random_weights: bool = False) -> Facts:
        """The facts of the traced model, with progress shown."""
        prepare_imports()
        with progress(f"tracing {self.model}"):
            from fxviz import models
            from fxviz.analysis.facts import Facts

            graph = models.trace(
                self.model,
                self.inputs,
                dtype=self.dtype,
                mode=self.mode,
                device=self.on,
                random_weights=random_weights,
            )
            return Facts(graph)


@dataclass(frozen=True)
class ViewOptions:
    """What is shown of a graph."""

    depth: int | None
    budget: int | None
    focus: str | None
    no_fold: bool
    hide: bool | None
    no_group: bool
    show: str | None
    color: str | None
    no_ends: bool
    weights: bool

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
            budget=default.budget if self.budget is None and self.depth is None else self.budget,
            show=default.show if self.show is None else tuple(filter(None, map(str.strip, self.show.split(",")))),
            group=default.group and not self.no_group,
            focus=self.focus,
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
    """The analysis for a named device, or for one in a TOML file."""
    from fxviz.passes.devices import find_device
    from fxviz.passes.roofline import Roofline

    return Roofline(find_device(device))  # found before the long work, so that a typing error costs no time


def packed(argument: str, kind: type, *options: Option) -> Option:
    """Options whose values a command gets as one ``argument``: a ``kind``, whose fields have their names."""
    names = [field.name for field in dataclasses.fields(kind)]

    def add(function: Function) -> Function:
        @functools.wraps(function)
        def packing(**given: Any) -> Any:
            return function(**{argument: kind(**{name: given.pop(name) for name in names})}, **given)

        return _with(options, packing)

    return add


def _with(options: Sequence[Option], function: Function) -> Function:
    """The function with these options, the first of which is the first in the help."""
    return reduce(lambda inner, option: option(inner), reversed(options), function)


_traceback = click.option("--traceback", is_flag=True, help="On an error, print all that is known of it.")

_tracing = (
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
    click.option("--on", metavar="DEVICE", help="Trace as if on this device, such as cuda, which need not be there."),
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
    click.option(
        "--hide/--no-hide",
        default=None,
        help="Leave out views, reshapes, casts and idle dropout, as pictures do; or show them.",
    ),
    click.option("--no-group", is_flag=True, help="Give the operations of helper functions no box of their own."),
    click.option(
        "--show",
        metavar="NAMES",
        help="The numbers to show, separated by commas: parameters, flops, memory, or those of a plugin.",
    ),
    click.option(
        "--color",
        metavar="NAME",
        help="Colour pictures by one of these numbers, the darker the more, or by dtype or phase (of training).",
    ),
    click.option("--no-ends", is_flag=True, help="Leave out what goes into the model and what comes out of it."),
    click.option("--weights", is_flag=True, help="Draw the parameters and buffers that visible operations read."),
)
"""What is shown: the argument ``shown``, a `ViewOptions`."""
