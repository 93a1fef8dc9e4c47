"""Parameters: how many there are, what they weigh, which are trained, and which modules own them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from fxviz.analysis.facts import Facts, add
from fxviz.analysis.places import Place, resolve
from fxviz.ir import Dim, Graph, Node, Role, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ParameterCount", "Parameters"]


@dataclass(frozen=True)
class Parameters:
    """Counts the parameters of a model, each once however often it is shared or its module is called."""

    def run(self, facts: Facts) -> ParameterCount:
        """Return the count for ``facts.graph``."""
        return ParameterCount(facts.graph)


@dataclass(frozen=True, eq=False)
class ParameterCount:
    """Numbers of elements, as ``sum(p.numel() for p in model.parameters())`` has them; buffers are counted apart.

    A module owns the parameters below its path. One that is shared belongs to each module that has a name for it, and
    counts once in every sum. A parameter whose shape is not known yet (a lazy module) is in ``unknown`` and in no sum.
    """

    graph: Graph
    label: str = "parameters"
    unit: str = ""

    @cached_property
    def parameters(self) -> tuple[Value, ...]:
        """Every parameter, used or not."""
        return tuple(value for value in self.graph.parameters if value.role is Role.PARAMETER)

    @property
    def total(self) -> Dim:
        """The elements of all parameters."""
        return _numel(self.parameters)

    @property
    def trainable(self) -> Dim:
        """The elements of the parameters that require gradients."""
        return _numel(value for value in self.parameters if value.trainable)

    @property
    def frozen(self) -> Dim:
        """The elements of the parameters that require no gradients."""
        return _numel(value for value in self.parameters if not value.trainable)

    @property
    def buffers(self) -> Dim:
        """The elements of all buffers."""
        return _numel(value for value in self.graph.parameters if value.role is Role.BUFFER)

    @property
    def nbytes(self) -> Dim:
        """The bytes of all parameters."""
        return _nbytes(self.parameters)

    @property
    def buffer_nbytes(self) -> Dim:
        """The bytes of all buffers."""
        return _nbytes(value for value in self.graph.parameters if value.role is Role.BUFFER)

    @cached_property
    def by_dtype(self) -> Mapping[str, Dim]:
        """The bytes of the parameters of each dtype, in order of first use."""
        groups: dict[str, list[Value]] = {}
        for value in self.parameters:
            if value.type is not None:
                groups.setdefault(value.type.dtype, []).append(value)
        return {dtype: _nbytes(values) for dtype, values in groups.items()}

    @cached_property
    def unused(self) -> tuple[Value, ...]:
        """The parameters that no node and no kernel reads."""
        read = set(self.graph.users)
        read.update(value for kernel in self.graph.kernels for value in kernel.inputs)
        return tuple(value for value in self.parameters if value not in read and value not in self.graph.outputs)

    @cached_property
    def unknown(self) -> tuple[Value, ...]:
        """The parameters whose shape is not known."""
        return tuple(value for value in self.parameters if value.type is None)

    def at(self, *places: Place) -> Dim | None:
        """Return the elements of the parameters that nodes read and that scopes own, each counted once over all places.

        A str is the path of a scope. The root has all parameters, used or not. None for a place that has none.
        """
        found = {value: None for place in resolve(places, self.graph) for value in self.of(place)}
        return _numel(found) if found else None

    def of(self, place: Node | Scope) -> tuple[Value, ...]:
        """Return the parameters that a node reads or that a scope owns, each once."""
        if isinstance(place, Node):
            read = chain(place.inputs, *(kernel.inputs for kernel in place.kernels))
            return tuple(dict.fromkeys(value for value in read if value.role is Role.PARAMETER))
        return self._by_path.get(place[-1].path, ()) if place else self.parameters

    def by_scope(self, depth: int) -> Mapping[Scope, Dim]:
        """Return the elements that each scope ``depth`` deep owns; modules above it, or never called, count above it.

        A shared parameter counts for the scope of its own name, so the numbers add up to the total.
        """
        groups: dict[Scope, list[Value]] = {}
        for value in self.parameters:
            groups.setdefault(self.owner(value)[:depth], []).append(value)
        return {scope: _numel(values) for scope, values in groups.items()}

    def owner(self, value: Value) -> Scope:
        """Return the scope of the first call of the module that owns ``value``, or of the nearest module around it."""
        path = value.name
        while path and path not in self._scopes_by_path:
            path = path.rpartition(".")[0]
        return self._scopes_by_path[path]

    @cached_property
    def _scopes_by_path(self) -> Mapping[str, Scope]:
        paths: dict[str, Scope] = {"": ()}
        for scope in self.graph.scopes[1:]:
            paths.setdefault(scope[-1].path, scope)
        return paths

    @cached_property
    def _by_path(self) -> Mapping[str, tuple[Value, ...]]:
        """Every module path -> the parameters at or below it, under any of their names."""
        by_name = {value.name: value for value in self.parameters}
        aliases = ((alias, by_name[name]) for alias, name in self.graph.aliases.items() if name in by_name)
        owned: dict[str, dict[Value, None]] = {}
        for name, value in chain(by_name.items(), aliases):
            path = name.rpartition(".")[0]
            while path:
                owned.setdefault(path, {})[value] = None
                path = path.rpartition(".")[0]
        return {path: tuple(values) for path, values in owned.items()}


def _numel(values: Iterable[Value]) -> Dim:
    return add([value.type.numel for value in values if value.type is not None])


def _nbytes(values: Iterable[Value]) -> Dim:
    return add([value.type.nbytes for value in values if value.type is not None])
