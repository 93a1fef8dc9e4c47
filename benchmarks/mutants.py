"""Change one thing in the source, see whether a test fails: the share of such mutants that tests notice.

    python benchmarks/mutants.py --sample 20 passes views tracing

Mutants are those of cosmic-ray (numbers, operators, comparisons, conditions, loops), drawn with a seed from each part; a
change that only an annotation sees is not one. Each runs the tests of its part in a copy of the checkout, so nothing here
is written to. Survivors are printed as diffs: each is a missing test, or a change that makes no difference.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[1]
OPERATORS = (
    "NumberReplacer", "ReplaceComparisonOperator", "ReplaceBinaryOperator", "ReplaceUnaryOperator", "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot", "ZeroIterationForLoop",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Files, and the tests that are to notice a change in them."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = {
    "passes": Part(("passes/*.py", "passes/rules/*.py"), ("tests/passes", "tests/analysis")),
    "views": Part(
        ("fxviz/views/budget.py", "fxviz/views/folding.py", "fxviz/views/plan.py"),
        ("tests/views", "tests/exporters/drawing/test_mermaid.py"),
    ),
    "tracing": Part(
        ("fxviz/tracing/memo.py", "fxviz/tracing/replay.py", "fxviz/tracing/snapshot.py"), ("tests/tracing", "tests/passes/test_memory.py")
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: Path
    operator: str
    occurrence: int
    before: str
    after: str

    def diff(self) -> str:
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=1)
        return "\n".join(list(lines)[2:])


class _Positions(Visitor):
    """Counts where an operator can change something."""

    def __init__(self, operator: object) -> None:
        self.operator = operator
        self.count = 0

    def visit(self, node: object) -> object:
        self.count += len(list(self.operator.mutation_positions(node)))  # type: ignore[attr-defined]
        return node


def places(path: Path) -> list[tuple[Path, str, int]]:
    """Return where each operator can change a file."""
    tree = get_ast(path.read_text(encoding="utf-8"))
    found = []
    for name in plugins.operator_names():
        if name.startswith(tuple(f"core/{kind}" for kind in OPERATORS)):
            positions = _Positions(plugins.get_operator(name)())
            positions.walk(tree)
            found += [(path, name, occurrence) for occurrence in range(positions.count)]
    return found


def draw(part: Part, sample: int, seed: int) -> tuple[list[Mutant], int]:
    """Return ``sample`` mutants of a part, and among how many places they were drawn."""
    everything = [place for pattern in part.files for path in sorted(ROOT.glob(pattern)) for place in places(path)]
    random.Random(seed).shuffle(everything)
    drawn: list[Mutant] = []
    for path, name, occurrence in everything:
        if len(drawn) == sample:
            break
        before = path.read_text(encoding="utf-8")
        after = mutate_code(before, plugins.get_operator(name)(), occurrence)
        if after is not None and _without_annotations(after) not in (_without_annotations(before), None):
            drawn.append(Mutant(path, name.removeprefix("core/"), occurrence, before, after))
    return drawn, len(everything)


def _without_annotations(source: str) -> str | None:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)


def survives(mutant: Mutant, tests: tuple[str, ...], copy: Path, seconds: int) -> bool:
    """Whether every test passes on the mutant; one that hangs has been noticed."""
    target = copy / mutant.path.relative_to(ROOT)
    target.write_text(mutant.after, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_text(mutant.before, encoding="utf-8")
    return done.returncode == 0


def main() -> None:
    """Draw, run, and print what is left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--sample", type=int, default=20, help="mutants of each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=900, help="the limit of one run of the tests")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checkout")
        shutil.copytree(
            ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "site")
        )
        for name in options.parts:
            part = PARTS[name]
            drawn, places_found = draw(part, options.sample, options.seed)
            alive = 0
            for mutant in drawn:
                if survives(mutant, part.tests, copy, options.seconds):
                    alive += 1
                    print(f"survives: {mutant.path.relative_to(ROOT)} ({mutant.operator})\n{mutant.diff()}", flush=True)
            noticed = len(drawn) - alive
            print(f"{name}: {noticed} of {len(drawn)} noticed, drawn from {places_found} places", flush=True)


if __name__ == "__main__":
    main()
