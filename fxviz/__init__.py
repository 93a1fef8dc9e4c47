"""Know a PyTorch model before you run it.

`trace` turns a model into a `Graph`; `Facts` answers questions about it; `View` decides what is shown; `export` and
`render` write it. Every name here is loaded on first use, so that ``import fxviz`` is quick and does not load torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from fxviz.moved import MovedModules

if TYPE_CHECKING:
    import fxviz.models as models
    from fxviz.analysis.facts import Analysis, Facts, Metric, Tally, Transform, evaluate
    from fxviz.analysis.rules import RuleTable
    from fxviz.comparison import GraphDiff, diff
    from fxviz.dashboard.api import App, app
    from fxviz.errors import (
        ExportError,
        FormatError,
        FxvizError,
        GraphError,
        InputError,
        MissingDependency,
        PluginError,
        TraceError,
    )
    from fxviz.exporters import Exporter
    from fxviz.exporters.figures.memory import plot_memory
    from fxviz.exporters.figures.sweep import plot_sweep
    from fxviz.integrations.torchviz import make_dot
    from fxviz.ir import (
        Call,
        Category,
        Dim,
        Graph,
        Kernel,
        Node,
        Phase,
        Role,
        Scope,
        Source,
        Storage,
        TensorType,
        Value,
        format_scope,
    )
    from fxviz.ir.serialize import load
    from fxviz.output import export, render
    from fxviz.output.parallel import export_all
    from fxviz.output.summary import Summary, summary
    from fxviz.passes.flops import Flops
    from fxviz.passes.memory import Memory
    from fxviz.passes.parameters import Parameters
    from fxviz.passes.roofline import Roofline
    from fxviz.passes.shapes import Shapes
    from fxviz.passes.sweep import sweep_cost
    from fxviz.text.quantity import format_quantity
    from fxviz.tracing import trace, trace_autograd, trace_training
    from fxviz.training.recording import watch
    from fxviz.training.run import Run, Runs, load_run, open_runs
    from fxviz.views.view import Box, Edge, View
    from fxviz.weights.api import parameters
    from fxviz.weights.table import ParameterTable

    __version__: str

__all__ = [  # noqa: RUF022 -- in sections, not sorted
    # from a model, or a file, to a graph
    "load",
    "models",
    "trace",
    "trace_autograd",
    "trace_training",
    # the graph
    "Call",
    "Category",
    "Dim",
    "Graph",
    "Kernel",
    "Node",
    "Phase",
    "Role",
    "Scope",
    "Source",
    "Storage",
    "TensorType",
    "Value",
    "format_scope",
    # what is known of it
    "Analysis",
    "Facts",
    "Flops",
    "Memory",
    "Metric",
    "Parameters",
    "Roofline",
    "RuleTable",
    "Shapes",
    "Tally",
    "Transform",
    "evaluate",
    "format_quantity",
    "sweep_cost",
    # what changed
    "GraphDiff",
    "diff",
    # what its weights are
    "ParameterTable",
    "parameters",
    # what is shown of it
    "App",
    "Box",
    "Edge",
    "Exporter",
    "Summary",
    "View",
    "app",
    "export",
    "export_all",
    "make_dot",
    "plot_memory",
    "plot_sweep",
    "render",
    "summary",
    # what a training run did
    "Run",
    "Runs",
    "load_run",
    "open_runs",
    "watch",
    # what can go wrong
    "ExportError",
    "FormatError",
    "FxvizError",
    "GraphError",
    "InputError",
    "MissingDependency",
    "PluginError",
    "TraceError",
    # which fxviz this is
    "__version__",
]

_NAMES_BY_MODULE = {
    "fxviz.integrations.torchviz": "make_dot",
    "fxviz.comparison": "GraphDiff diff",
    "fxviz.dashboard.api": "App app",
    "fxviz.errors": "ExportError FormatError FxvizError GraphError InputError MissingDependency PluginError TraceError",
    "fxviz.exporters": "Exporter",
    "fxviz.analysis.facts": "Analysis Facts Metric Tally Transform evaluate",
    "fxviz.ir": "Call Category Dim Graph Kernel Node Phase Role Scope Source Storage TensorType Value format_scope",
    "fxviz.output": "export render",
    "fxviz.output.summary": "Summary summary",
    "fxviz.output.parallel": "export_all",
    "fxviz.passes.flops": "Flops",
    "fxviz.passes.memory": "Memory",
    "fxviz.passes.parameters": "Parameters",
    "fxviz.passes.roofline": "Roofline",
    "fxviz.passes.shapes": "Shapes",
    "fxviz.passes.sweep": "sweep_cost",
    "fxviz.exporters.figures.memory": "plot_memory",
    "fxviz.text.quantity": "format_quantity",
    "fxviz.analysis.rules": "RuleTable",
    "fxviz.training.recording": "watch",
    "fxviz.training.run": "Run Runs load_run open_runs",
    "fxviz.ir.serialize": "load",
    "fxviz.exporters.figures.sweep": "plot_sweep",
    "fxviz.tracing": "trace trace_autograd trace_training",
    "fxviz.views.view": "Box Edge View",
    "fxviz.weights.api": "parameters",
    "fxviz.weights.table": "ParameterTable",
}
_HOME = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}

if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
    sys.meta_path.append(MovedModules())


def __getattr__(name: str) -> object:
    if name == "models":
        return import_module("fxviz.models")
    if name == "__version__":
        from importlib.metadata import version

        return version("fxviz")
    if (home := _HOME.get(name)) is None:
        raise AttributeError(f"module 'fxviz' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
