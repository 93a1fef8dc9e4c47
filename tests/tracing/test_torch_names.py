"""torch's private names are used in one folder, fxviz/tracing/torch_private, where each is behind one name and tested."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structure import source_files

import fxviz
from fxviz.tracing import torch_private

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(fxviz.__file__).parents[1]
if not (ROOT / "passes").is_dir():
    pytest.skip("fxviz is not imported from a checkout", allow_module_level=True)

HOME = "fxviz.tracing.torch_private"
FILES = source_files(ROOT)
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
OF_TORCH = {"torch", "torchvision"}
OF_OTHERS = {
    "_fields": "named tuples, in public",
    "_replace": "named tuples, in public",
    "_asdict": "named tuples, in public",
    "_exit": "os",
    "_getframe": "sys",
    "_bit_generator": "NumPy",
    "_model_mapping": "transformers",
    "_from_config": "transformers",
    "_get_c_value": "onnxruntime",
    "_set_axes_scale": "matplotlib",
    "_prec": "sympy",
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


@cache
def own_names() -> set[str]:
    """Return the private names that fxviz itself defines: of functions, classes, variables and attributes of ``self``.

    Not those of the folder where torch's names are at home: what it puts in torch's place has torch's names.
    """
    found: set[str] = set()
    for tree in (tree for name, tree in TREES.items() if not name.startswith(HOME)):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
                found.add(node.attr)
    return found


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def private_uses(tree: ast.AST, own: set[str]) -> Iterator[str]:
    """Yield every use of a private name that is not fxviz's own: attribute, import, ``getattr`` or patch by its name.

    The names of ATen operators after ``aten`` are public, with and without an underscore.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if is_private(node.attr) and node.attr not in own and not is_self(node.value) and not is_operator(node):
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            parts = f"{node.module}.{'.'.join(alias.name for alias in node.names)}".split(".")
            if parts[0] in OF_TORCH and any(map(is_private, parts)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Import):
            parts = ".".join(alias.name for alias in node.names).split(".")
            if parts[0] in OF_TORCH and any(map(is_private, parts)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and named(node.func) in ("getattr", "hasattr", "setattr", "delattr", "object"):
            name = node.args[1] if len(node.args) > 1 else None
            if isinstance(name, ast.Constant) and is_private(str(name.value)) and not is_aten(node.args[0]):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            parts = node.value.split(".")
            if parts[0] == "torch" and any(map(is_private, parts)):
                yield ast.unparse(node)


def named(function: ast.AST) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def is_operator(node: ast.Attribute) -> bool:
    return is_aten(node.value)


def is_aten(node: ast.AST) -> bool:
    return ast.unparse(node) in ("aten", "torch.ops.aten")


def test_no_other_module_uses_private_names_of_torch() -> None:
    wrong = {
        f"{module}: {use}"
        for module, tree in TREES.items()
        if not module.startswith(HOME)
        for use in private_uses(tree, own_names())
        if not any(name in use for name in OF_OTHERS)
    }
    assert not wrong, f"give each of these a name in {HOME}"


@pytest.mark.parametrize(
    "text",
    [
        "torch._C._is_any_autocast_enabled()",
        "from torch._ops import OpOverload",
        "from torch.utils import _pytree",
        "import torch._dynamo",
        "tensor._is_view()",
        "getattr(model, '_orig_mod', None)",
        "mock.patch.object(torch.nn.Module, '_apply', ours)",
        "mock.patch('torch._C._nn.upsample')",
        "torch.nn.Module._apply",
    ],
)
def test_a_private_name_is_seen(text: str) -> None:
    assert list(private_uses(ast.parse(text), {"_ours"}))


@pytest.mark.parametrize(
    "text", ["self._book", "thing._ours", "torch.ops.aten._to_copy.default", "aten._grouped_mm", "x.__dict__"]
)
def test_other_names_are_left_alone(text: str) -> None:
    assert not list(private_uses(ast.parse(text), {"_ours"}))


def test_private_names_are_used_at_home() -> None:
    inside = [use for name, tree in TREES.items() if name.startswith(HOME) for use in private_uses(tree, own_names())]
    assert len(inside) > 30, "so few that this test may see nothing"


@pytest.mark.parametrize("name", torch_private.__all__)
def test_every_name_has_a_test(name: str) -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("torch_private/test_*.py"))
    assert f"_torch.{name}" in tests
