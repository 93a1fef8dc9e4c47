"""Imports run one way, from top to bottom of one list, and only what traces, builds or watches models needs torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from structure import circles, edges_between, folder_of, module_names, read_imports

import fxviz

ROOT = Path(fxviz.__file__).parents[1]
if not (ROOT / "passes").is_dir():
    pytest.skip("fxviz is not imported from a checkout", allow_module_level=True)

LAYERS = [
    "errors",
    "version",
    "moved",
    "plugins",
    "files",
    "ir",
    "text",
    "analysis",
    "passes",
    "importers",
    "tracing",
    "views",
    "models",
    "exporters",
    "output",
    "training",
    "weights",
    "comparison",
    "dashboard",
    "command",
    "integrations",
    "cli",
    "__init__",
    "__main__",
]
"""The folders and modules of fxviz, each of which imports from itself and from those before it."""

MODULES = module_names(ROOT)
IMPORTS = read_imports(ROOT)
TORCH = {"torch", "torchvision", "timm", "transformers"}
TORCH_AT_HOME = (
    "fxviz.exporters.onnx.runnable",
    "fxviz.tracing",
    "fxviz.models.zoos",
    "fxviz.training.recording",
    "fxviz.training.lightning",
    "fxviz.training.huggingface",
    "fxviz.weights.modules",
)


def test_the_files_are_found() -> None:
    assert {"fxviz", "fxviz.ir", "fxviz.tracing.api", "fxviz.passes.rules.matmul", "fxviz.exporters.table"} <= MODULES


def test_every_folder_is_a_layer() -> None:
    assert {folder_of(module) for module in MODULES} == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_from_itself_and_below(layer: str) -> None:
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    wrong = [
        f"{found.importer} imports {found.imported}"
        for found in IMPORTS
        if folder_of(found.importer) == layer
        and found.imported.partition(".")[0] == "fxviz"
        and folder_of(found.imported) not in allowed
    ]
    assert not wrong


def test_no_module_is_in_a_circle() -> None:
    """Imports in functions and those for type checkers count: a circle is one, however it is hidden."""
    assert circles(edges_between(IMPORTS, MODULES)) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_torch_is_imported_where_models_are_traced_or_built() -> None:
    of_torch = [found for found in IMPORTS if not found.typing and found.imported.partition(".")[0] in TORCH]
    assert of_torch, "no import of torch was found, so this test sees nothing"
    elsewhere = [found for found in of_torch if not found.importer.startswith(TORCH_AT_HOME)]
    assert not [found for found in elsewhere if not found.lazy]
    assert {found.importer for found in elsewhere} <= {
        f"fxviz.models.{name}" for name in ("binding", "building", "checkpointing", "target")
    }


def test_all_else_is_imported_without_torch() -> None:
    free = sorted(module for module in MODULES if not module.startswith(TORCH_AT_HOME))
    code = f"import importlib, sys\nfor name in {free}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
