"""Imports run one way, as the design says, and only what traces or builds models needs torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fxviz

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(fxviz.__file__).parent


@dataclass(frozen=True)
class Layer:
    """Modules of fxviz that may import each other, and those of the layers ``below``."""

    modules: frozenset[str]
    below: frozenset[str] = frozenset()


def layer(modules: str, below: str = "") -> Layer:
    return Layer(frozenset(modules.split()), frozenset(below.split()))


LAYERS = {
    "base": layer("errors dtypes embedding figure files plugins rules"),
    "graph": layer("ir expressions inputs printer quantity serialize verify", "base"),
    "facts": layer("facts frames", "base graph"),
    "passes": layer("passes", "base graph facts"),
    "view": layer(
        "view boxes budget captions categories folding gathering grouping heat wiring", "base graph facts passes"
    ),
    "exporters": layer("exporters", "base graph facts passes view"),
    "reading": layer("reading", "base graph facts passes view exporters"),
    "tracing": layer("tracing", "base graph reading"),
    "runs": layer("runs", "base graph exporters"),
    "weights": layer("weights", "base graph facts view exporters"),
    "lowering": layer("lowering", "base graph facts passes view exporters tracing"),
    "models": layer("models revisions zoos", "base graph reading tracing"),
    "surface": layer(
        "autograd browser comparison display limits netron output overview plot report sweep_plot testing",
        "base graph facts passes view exporters tracing lowering",
    ),
    "pages": layer("dashboard parallel", "base graph facts passes view exporters tracing models surface runs weights"),
    "front": layer(
        "__init__ __main__ cli mkdocs sphinx",
        "base graph facts passes view exporters tracing lowering models surface runs weights pages",
    ),
}
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


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    lazy: bool
    """Inside a function, so only when it is called."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def source_files() -> list[Path]:
    """The files of the package and of its two linked folders; pathlib does not follow links by itself."""
    roots = [PACKAGE, PACKAGE / "passes", PACKAGE / "exporters"]
    return sorted({path for root in roots for path in root.rglob("*.py")})


def imports_of(path: Path) -> Iterator[Import]:
    """What the file imports when it runs; imports under ``if TYPE_CHECKING`` are for type checkers alone."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}:{node.lineno}: import by the absolute name"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (Import(module_name(path), name if name in MODULES else node.module, lazy) for name in inner)
        elif isinstance(node, ast.Import):
            yield from (Import(module_name(path), alias.name, lazy) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), lazy=False)


MODULES = {module_name(path) for path in source_files()}
IMPORTS = [found for path in source_files() for found in imports_of(path)]


def part_of(module: str) -> str:
    """``fxviz.passes.flops`` is in the part ``passes``; ``fxviz`` itself is ``__init__``."""
    return (*module.split("."), "__init__")[1]


def layer_of(part: str) -> str:
    found = [name for name, layer in LAYERS.items() if part in layer.modules]
    assert len(found) == 1, f"fxviz.{part} is in {found or 'no layer'}: say in LAYERS of this file where it belongs"
    return found[0]


def test_the_files_are_found() -> None:
    assert {
        "fxviz",
        "fxviz.ir",
        "fxviz.tracing.api",
        "fxviz.passes.rules.matmul",
        "fxviz.exporters.drawing.dot",
    } <= MODULES


def test_every_part_is_in_one_layer() -> None:
    parts = {part_of(module) for module in MODULES}
    assert parts == set().union(*(layer.modules for layer in LAYERS.values()))
    assert {layer_of(part) for part in parts} == set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_imports_from_itself_and_below(name: str) -> None:
    allowed = LAYERS[name].modules.union(*(LAYERS[below].modules for below in LAYERS[name].below))
    wrong = [
        f"{found.importer} imports {found.imported}"
        for found in IMPORTS
        if layer_of(part_of(found.importer)) == name
        and found.imported.partition(".")[0] == "fxviz"
        and part_of(found.imported) not in allowed
    ]
    assert not wrong


def test_no_module_needs_itself_to_be_imported() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for found in IMPORTS:
        if not found.lazy and found.imported in MODULES:
            graph[found.importer].add(found.imported)
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the modules


def test_torch_is_imported_where_models_are_traced_or_built() -> None:
    users = {found.importer for found in IMPORTS if not found.lazy and found.imported.partition(".")[0] in TORCH}
    assert users, "no import of torch was found, so this test sees nothing"
    assert not [user for user in users if not user.startswith(TORCH_AT_HOME)]
    lazy = {found.importer for found in IMPORTS if found.lazy and found.imported.partition(".")[0] in TORCH}
    assert {user for user in lazy if not user.startswith(TORCH_AT_HOME)} <= {"fxviz.models"}


def test_all_else_is_imported_without_torch() -> None:
    free = sorted(module for module in MODULES if not module.startswith(TORCH_AT_HOME))
    code = f"import importlib, sys\nfor name in {free}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
