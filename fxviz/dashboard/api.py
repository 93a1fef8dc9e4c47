"""`fxviz.app`: show everything that is known of a model on one page that works offline."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxviz.analysis.facts import Facts
from fxviz.analysis.registry import find_analysis
from fxviz.dashboard.page import dashboard_page, framed
from fxviz.errors import InputError, MissingDependency
from fxviz.files import write_file
from fxviz.ir import Graph
from fxviz.output import SHOWN
from fxviz.training.run import Run, load_run
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import torch
    from torch import nn

    from fxviz.weights.table import ParameterTable

__all__ = ["App", "app", "check_page", "graph_view"]


@dataclass(frozen=True, repr=False)
class App:
    """The parts of a page, immutable; a part that is None has no tab."""

    view: View | None = None
    """The graph, and the memory of inference."""
    parameters: ParameterTable | None = None
    training: Facts | None = None
    """The facts of a traced training step, for its memory."""
    run: Run | None = None
    """The record of a training."""

    def __repr__(self) -> str:
        parts = {"graph": self.view, "parameters": self.parameters, "training step": self.training, "run": self.run}
        there = ", ".join(name for name, part in parts.items() if part is not None)
        return f'<App: {there}; .render("model.html") writes the page>'

    def _repr_html_(self) -> str:
        """Return the page in a frame, which a notebook shows; or, without Graphviz, the reason why there is none."""
        try:
            return framed(self.html())
        except MissingDependency as error:
            return f"<p>{escape(f'The page of this app cannot be written: {error}')}</p>"

    def render(self, path: str | Path) -> None:
        """Write the page to ``path``, an ``.html`` file, whole or not at all.

        Raises `InputError` if it cannot be written, and `MissingDependency` if there is no Graphviz, which lays out the
        graph.
        """
        check_page(path)
        write_file(path, self.html())

    def html(self) -> str:
        """Return the page; equal apps give equal pages."""
        return dashboard_page(self.view, self.parameters, self.training, self.run)


def app(
    model: nn.Module | Graph | Facts | View | None = None,
    args: Sequence[Any] | torch.Tensor = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    run: Run | str | Path | None = None,
    loss: Callable[[Any], torch.Tensor] | None = None,
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
) -> App:
    """Return the app of a model: its graph, parameters, memory and training, each in a tab of one offline page.

    The model is traced and its parameters are read. With a loss, a training step is traced too; a run is read as far as
    it is written. ``.render("model.html")`` writes the page.

    Args:
        model: a module; or a graph, its facts, or a view of it, which is shown unchanged. None for a page about
            ``run``.
        args: the positional inputs of a module, as for `trace`.
        kwargs: its keyword inputs.
        run: a run of the model that `watch` recorded, or its folder. Its metrics colour the graph, step by step.
        loss: maps the output of the model to a scalar, as for `trace_training`; adds the memory of a training step.
        optimizer: a class of ``torch.optim``, as for `trace_training`.

    Raises:
        InputError: there is nothing to show, or inputs, a loss or an optimizer come with a model that is already
            traced.
        TraceError: the model cannot be traced.
        FormatError: the files of the run are damaged.
    """
    if model is None and run is None:
        raise InputError("there is nothing to show: pass a model, a graph, or run=, the folder of a run")
    recorded = load_run(run) if isinstance(run, str | Path) else run
    if model is None or isinstance(model, Graph | Facts | View):
        no_args = isinstance(args, tuple) and not args
        given = {"args": None if no_args else args, "kwargs": kwargs, "loss": loss, "optimizer": optimizer}
        if extra := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{extra[0]} is for a module, which is traced here: pass the module itself")
        view = model if isinstance(model, View) else graph_view(model, recorded) if model is not None else None
        return App(view, parameters=_parameters(view.graph) if view else None, run=recorded)
    if optimizer is not None and loss is None:
        raise InputError(
            "an optimizer is for a training step: pass loss= too, which maps the model's output to a scalar"
        )
    from fxviz.tracing import trace, trace_training

    graph = trace(model, args, kwargs)
    training = None
    if loss is not None:
        training = Facts(trace_training(model, args, kwargs, loss=loss, optimizer=optimizer))
    held = _parameters(model if hasattr(model, "named_parameters") else graph)  # a function has none
    return App(graph_view(graph, recorded), held, training, recorded)


def check_page(path: str | Path) -> None:
    """Raise an `InputError` unless ``path`` has the suffix of a page."""
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"cannot write {path}: an app is a page; pass a name that ends in .html")


def graph_view(source: Graph | Facts, run: Run | None) -> View:
    """Return the view of a graph on a page; with a run, equal layers are not folded: each has its own colour."""
    show = tuple(find_analysis(name)() for name in SHOWN)
    return View.of(source, hide=True, group=True, fold=run is None, show=show)


def _parameters(source: nn.Module | Graph) -> ParameterTable:
    from fxviz.weights.api import parameters

    return parameters(source)
