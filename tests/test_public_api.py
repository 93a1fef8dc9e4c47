"""The names that users write against, and what importing them costs."""

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fxviz

PUBLIC = [
    "load",
    "models",
    "trace",
    "trace_autograd",
    "trace_training",
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
    "evaluate",
    "format_quantity",
    "sweep_cost",
    "GraphDiff",
    "diff",
    "ParameterTable",
    "parameters",
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
    "Run",
    "Runs",
    "load_run",
    "open_runs",
    "watch",
    "ExportError",
    "FormatError",
    "FxvizError",
    "GraphError",
    "InputError",
    "MissingDependency",
    "PluginError",
    "TraceError",
    "__version__",
]


STUB = Path(fxviz.__file__).with_suffix(".pyi")
LINES = STUB.read_text(encoding="utf-8").splitlines()


def test_the_public_names_are_these() -> None:
    assert sorted(fxviz.__all__) == dir(fxviz) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(fxviz, name) is not None


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_one_line_that_type_checkers_read(name: str) -> None:
    """``import name as name`` is what marks a name as public in a stub (PEP 484)."""
    assert [line.partition(" import ")[2] for line in LINES if re.search(rf"\b{name}$", line)] == [f"{name} as {name}"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="tracee"):
        _ = fxviz.tracee


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())  # what the statement itself prints, such as a help, stands before


def test_import_fxviz_loads_nothing_heavy() -> None:
    assert not loaded_by("import fxviz; dir(fxviz)") & {"torch", "sympy", "onnx", "rich", "click", "numpy"}


@pytest.mark.parametrize(
    "statement",
    [
        "import fxviz.ir, fxviz.analysis.facts, fxviz.views.view, fxviz.output, fxviz.ir.serialize, fxviz.plugins, fxviz.models.inputs, fxviz.models",
        "import fxviz.exporters.table, fxviz.exporters.json, fxviz.exporters.drawing.mermaid, fxviz.exporters.drawing.dot, fxviz.exporters.onnx.view.exporter",
        "from fxviz import Flops, Memory, Parameters, Shapes, View, export, load, models",
        "import fxviz.cli\ntry: fxviz.cli.main(['--help'])\nexcept SystemExit: pass",
        "import fxviz.cli\ntry: fxviz.cli.main(['export', '--help'])\nexcept SystemExit: pass",
    ],
    ids=["core", "exporters", "names", "help", "help of a command"],
)
def test_only_tracing_loads_torch(statement: str) -> None:
    assert "torch" not in loaded_by(statement)


def test_no_submodule_hides_a_public_name() -> None:
    """Importing ``fxviz.x`` sets the attribute ``x`` of the package: a function of that name would be gone."""
    submodules = {module.name for module in pkgutil.iter_modules(fxviz.__path__)}
    assert submodules & set(PUBLIC) == {"models"}
