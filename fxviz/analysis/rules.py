"""Per-operator rules: how an analysis or an exporter knows what to do with an operator."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from fxviz.errors import FxvizError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["RuleTable"]

RuleT = TypeVar("RuleT")


class RuleTable(Generic[RuleT]):
    """The rules of one analysis or exporter by operator name, found by overload, then by operator.

    Calling a table registers a rule; ``table | {...}`` is a new table with overrides.

    >>> costs: RuleTable[int] = RuleTable({"aten.add": 1})
    >>> costs.find("aten.add.Tensor"), costs.find("aten.mul.Tensor")
    (1, None)
    """

    def __init__(self, rules: Mapping[str, RuleT] = MappingProxyType({})) -> None:
        self._rules = dict(rules)

    def __call__(self, *ops: str) -> Callable[[RuleT], RuleT]:
        """A decorator that registers a rule for ``ops``; a second rule for one operator is refused."""

        def register(rule: RuleT) -> RuleT:
            if taken := self._rules.keys() & set(ops):
                raise FxvizError(
                    f"rules already exist for {', '.join(sorted(taken))}; override them with `table | {{...}}`"
                )
            self._rules.update(dict.fromkeys(ops, rule))
            return rule

        return register

    def __or__(self, overrides: Mapping[str, RuleT] | RuleTable[RuleT]) -> RuleTable[RuleT]:
        """A new table in which ``overrides`` win."""
        other = overrides._rules if isinstance(overrides, RuleTable) else overrides
        return RuleTable({**self._rules, **other})

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __contains__(self, op: str) -> bool:
        return self.find(op) is not None

    def find(self, op: str) -> RuleT | None:
        """The rule for ``op`` (``aten.add.Tensor``), else the one for all its overloads (``aten.add``), else None."""
        if (rule := self._rules.get(op)) is not None:
            return rule
        return self._rules.get(op.rpartition(".")[0])
