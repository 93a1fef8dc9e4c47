"""Read the structure of the package from its imports: ``python tests/support/structure.py`` prints the figures.

Every import counts: those in functions, and those that only type checkers see.
"""

from __future__ import annotations

import argparse
import ast
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Import", "circles", "floors", "folder_of", "module_names", "read_imports", "source_files"]

LINKED = ("passes", "exporters")


@dataclass(frozen=True)
class Import:
    """One import of one module by another."""

    importer: str
    imported: str
    lazy: bool = False
    """Inside a function, so only when it is called."""
    typing: bool = False
    """Under ``if TYPE_CHECKING``, so never when the program runs."""


def source_files(root: Path) -> Mapping[str, Path]:
    """Return the source files of a checkout by module name; the linked folders are read where they really stand."""
    inside = (
        path for path in (root / "fxviz").rglob("*.py") if path.relative_to(root / "fxviz").parts[0] not in LINKED
    )
    beside = (path for folder in LINKED for path in (root / folder).rglob("*.py"))
    return {_module_name(path, root): path for path in sorted([*inside, *beside])}


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(("fxviz", *parts) if parts[0] in LINKED else parts).removesuffix(".__init__")


def module_names(root: Path) -> frozenset[str]:
    return frozenset(source_files(root))


def read_imports(root: Path) -> list[Import]:
    files = source_files(root)
    return [found for name, path in files.items() for found in _imports_of(name, path, files)]


def _imports_of(importer: str, path: Path, modules: Mapping[str, Path]) -> Iterator[Import]:
    def visit(node: ast.AST, lazy: bool, typing: bool) -> Iterator[Import]:
        typing = typing or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}:{node.lineno}: import by the absolute name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = dict.fromkeys(name if name in modules else node.module for name in names)
            yield from (Import(importer, target, lazy, typing) for target in targets)
        elif isinstance(node, ast.Import):
            yield from (Import(importer, alias.name, lazy, typing) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, lazy, typing)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), lazy=False, typing=False)


def folder_of(module: str) -> str:
    """``fxviz.passes.flops`` is in ``passes``; ``fxviz`` itself is ``__init__``."""
    return (*module.split("."), "__init__")[1]


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that need each other, directly or by way of others (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            start = stack.index(node)
            group = stack[start:]
            del stack[start:]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def floors(edges: Mapping[str, set[str]]) -> int:
    """Return the length of the longest way down, a circle counted as one floor."""
    group = {member: min(members) for members in circles(edges) for member in members}
    below: dict[str, set[str]] = {}
    for node, targets in edges.items():
        below.setdefault(group.get(node, node), set()).update(group.get(target, target) for target in targets)
    heights: dict[str, int] = {}

    def height(node: str) -> int:
        if node not in heights:
            heights[node] = 1 + max((height(target) for target in below.get(node, ()) if target != node), default=0)
        return heights[node]

    return max(map(height, below), default=0)


def edges_between(imports: list[Import], modules: frozenset[str]) -> dict[str, set[str]]:
    """Return what each module imports of the package itself."""
    edges: dict[str, set[str]] = {module: set() for module in modules}
    for found in imports:
        if found.imported in modules and found.imported != found.importer:
            edges[found.importer].add(found.imported)
    return edges


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, nargs="?", default=Path(__file__).parents[2])
    root = parser.parse_args().root.resolve()
    files, imports = source_files(root), read_imports(root)
    modules = frozenset(files)
    edges = edges_between(imports, modules)
    by_folder: dict[str, set[str]] = {}
    for module, targets in edges.items():
        by_folder.setdefault(folder_of(module), set()).update(map(folder_of, targets))
    for folder, targets in by_folder.items():
        targets.discard(folder)
    top = [path for path in (root / "fxviz").iterdir() if path.name not in {"__pycache__", *LINKED}]
    own = [found for found in imports if found.imported.partition(".")[0] == "fxviz"]
    print(f"files                    {len(files)}")
    print(f"lines                    {sum(len(path.read_text().splitlines()) for path in files.values())}")
    print(f"modules at the top       {sum(path.suffix == '.py' for path in top)}")
    print(f"packages at the top      {sum((path / '__init__.py').exists() for path in top) + len(LINKED)}")
    print(f"floors of the folders    {floors(by_folder)}")
    print(f"floors of the modules    {floors(edges)}")
    print(f"circles of the folders   {len(circles(by_folder))}")
    print(f"circles of the modules   {len(circles(edges))}")
    print(f"imports in functions     {sum(found.lazy for found in own)}")
    print(
        f"  of those in the cli    {sum(found.lazy and folder_of(found.importer) in ('cli', 'command') for found in own)}"
    )
    print(
        f"largest file             {Counter({n: len(p.read_text().splitlines()) for n, p in files.items()}).most_common(1)}"
    )
    for group in circles(edges):
        print(f"circle: {', '.join(group)}")


if __name__ == "__main__":
    main()
