"""Per-operator rules: what an analysis or an exporter does with an operator."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from fxviz.errors import FxvizError

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterator, Mapping

__all__ = ["RuleTable"]

RuleT = TypeVar("RuleT")


class RuleTable(Generic[RuleT]):
    """The rules of one analysis or exporter by operator name, looked up by overload, then by operator.

    Calling a table registers a rule; ``table | {...}`` is a new table with overrides.

    >>> costs: RuleTable[int] = RuleTable({"aten.add": 1})
    >>> costs.find("aten.add.Tensor"), costs.find("aten.mul.Tensor")
    (1, None)
    """

    def __init__(self, rules: Mapping[str, RuleT] = MappingProxyType({})) -> None:
        self._rules = dict(rules)

    def __call__(self, *ops: str) -> Callable[[RuleT], RuleT]:
        """Return a decorator that registers a rule for ``ops``; a second rule for one operator is refused."""

        def register(rule: RuleT) -> RuleT:
            if taken := self._rules.keys() & set(ops):
                raise FxvizError(
                    f"rules already exist for {', '.join(sorted(taken))}; override them with `table | {{...}}`"
                )
            self._rules.update(dict.fromkeys(ops, rule))
            return rule

        return register

    def __or__(self, overrides: Mapping[str, RuleT] | RuleTable[RuleT]) -> RuleTable[RuleT]:
        """Return a new table in which ``overrides`` win."""
        other = overrides._rules if isinstance(overrides, RuleTable) else overrides
        return RuleTable({**self._rules, **other})

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def items(self) -> ItemsView[str, RuleT]:
        """Return every name with its rule."""
        return self._rules.items()

    def __contains__(self, op: str) -> bool:
        return self.find(op) is not None

    def find(self, op: str) -> RuleT | None:
        """Return the rule for ``op`` (``aten.add.Tensor``), else for all its overloads (``aten.add``), else None."""
        if (rule := self._rules.get(op)) is not None:
            return rule
        return self._rules.get(op.rpartition(".")[0])

    def find_kernel(self, op: str) -> RuleT | None:
        """Return the rule for a kernel; without one of its own, an in-place kernel has the rule of its functional form.

        >>> RuleTable({"aten.add": 1}).find_kernel("aten.add_.Tensor")
        1
        """
        if (rule := self.find(op)) is not None:
            return rule
        operator = op.rpartition(".")[0] or op
        return self.find(operator.removesuffix("_")) if operator.endswith("_") else None
