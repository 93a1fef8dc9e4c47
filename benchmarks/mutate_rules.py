"""How many small errors in the FLOP rules the table of samples sees: ``python benchmarks/mutate_rules.py [FAMILY ...]``.

Each mutant of a file of ``passes/rules`` has one number, operator, comparison or condition changed. It is run on the rows of
``tests/passes/test_every_rule.py``; one that gives all the expected costs has survived, and is listed. Some mutants that
survive compute the same: ``2 * 2`` for ``2 + 2``, or ``inputs[:4]`` of three inputs.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "passes"))

import test_every_rule as samples  # noqa: E402

from fxviz.passes.flops import causal_rules, flops_rules  # noqa: E402
from fxviz.passes.operators import FAMILIES  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OPERATORS: Mapping[type[ast.AST], type[ast.AST]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn},
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.NotIn: ast.In},
}


def mutations(tree: ast.Module) -> Iterator[tuple[ast.AST, str, Any]]:
    """Yield a node, its attribute and another value for it; translations to ONNX and types are left alone."""
    left = {id(part) for node in ast.walk(tree) for whole in _left_alone(node) for part in ast.walk(whole)}
    for node in ast.walk(tree):
        if id(node) in left:
            continue
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield node, "value", node.value + 1
            yield node, "value", node.value - 1
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield node, "value", not node.value
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _OPERATORS:
            yield node, "op", _OPERATORS[type(node.op)]()
        elif isinstance(node, ast.Compare):
            yield node, "ops", [_OPERATORS[type(node.ops[0])](), *node.ops[1:]]
        elif isinstance(node, ast.IfExp):
            yield node, "test", ast.UnaryOp(ast.Not(), node.test)


def _left_alone(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef) and node.name.startswith(("_write_", "_windows")):
        yield node
    elif isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    elif isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg in ("layout", "strict")):
        yield node


def survives(tree: ast.Module, rows: Sequence[samples.Row]) -> bool:
    """Return whether the samples find nothing wrong with a mutated family: in numbers, in symbols, under a causal mask."""
    module = ModuleType("mutant")
    try:
        exec(compile(ast.fix_missing_locations(tree), "mutant", "exec"), module.__dict__)
        for name, operator in module.operators.items():
            flops_rules._rules[name] = operator.flops
            if operator.causal_flops:
                causal_rules._rules[name] = operator.causal_flops
        wrong = [row for row in rows if flops_rules._rules[row.op](row.kernel()) != row.cost]
        if wrong:
            return False
        samples.ROWS[:] = rows
        samples.test_further_operands_and_results_change_nothing()
        samples.test_a_count_in_symbols_is_the_count_at_their_sizes()
        for op in sorted({row.op for row in rows} & set(causal_rules)):
            samples.test_causal_pairs_in_symbols_are_the_pairs_at_their_sizes(op)
            for queries, keys in ((10, 12), (12, 10), (7, 7)):
                samples.test_causal_attention_counts_the_pairs_that_the_mask_leaves(op, queries, keys)
    except Exception:
        return False
    return True


def _restore(table: dict[str, Any], rules: Mapping[str, Any]) -> None:
    table.clear()
    table.update(rules)


def main(families: Sequence[str]) -> None:
    killed = total = 0
    every_row, rules, causal = list(samples.ROWS), dict(flops_rules._rules), dict(causal_rules._rules)
    for family in families:
        path = ROOT / "passes" / "rules" / f"{family}.py"
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        rows = [row for row in every_row if row.op in FAMILIES[family]]
        for node, attribute, value in list(mutations(tree)):
            before, was = getattr(node, attribute), ast.unparse(node)
            setattr(node, attribute, value)
            survived, mutant = survives(tree, rows), ast.unparse(node)
            setattr(node, attribute, before)
            _restore(flops_rules._rules, rules)
            _restore(causal_rules._rules, causal)
            total, killed = total + 1, killed + (not survived)
            if survived:
                print(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}: {mutant} instead of {was}")
    print(f"{killed} of {total} mutants are seen: {killed / total:.1%}")


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(FAMILIES))
