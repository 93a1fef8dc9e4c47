"""Memory: what a run holds at each moment, when that is the most, and what is alive then."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import sympy

from fxviz.analysis.facts import Facts, add, at_large
from fxviz.analysis.places import Place, resolve
from fxviz.errors import InputError
from fxviz.ir import Category, Dim, Graph, Node, Phase, Role, Scope, Storage, Value, format_scope
from fxviz.passes.parameters import ParameterCount, Parameters
from fxviz.passes.timelines import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Holding", "Memory", "MemoryUse", "Reading"]


@dataclass(frozen=True)
class Memory:
    """The memory that a traced run holds, added up from the observed lifetimes of its storages.

    ``round_to`` is the granularity of the allocator in bytes: every storage takes a multiple of it (CUDA's caching
    allocator: 512). Workspaces inside kernels are not seen.
    """

    round_to: int = 1

    def __post_init__(self) -> None:
        if self.round_to < 1:
            raise InputError(f"round_to is a number of bytes from 1, not {self.round_to}")

    def run(self, facts: Facts) -> MemoryUse:
        """Return the memory of ``facts.graph``."""
        sizes = {storage: self._rounded(storage.nbytes) for storage in facts.graph.storages}
        return MemoryUse(facts.graph, sizes, facts[Parameters()])

    def _rounded(self, nbytes: Dim) -> Dim:
        if self.round_to == 1:
            return nbytes
        if isinstance(nbytes, int):
            return -(-nbytes // self.round_to) * self.round_to
        return sympy.ceiling(nbytes / self.round_to) * self.round_to


@dataclass(frozen=True)
class Holding:
    """A storage, with the first value on it and the node that made it: None for what was there before the run.

    ``scope`` is that of the module: in a backward pass, of the one whose gradient is computed; for a parameter, a buffer,
    and for gradients and optimizer state that were there before, of the one that owns the parameter.
    """

    storage: Storage
    nbytes: Dim
    value: Value | None
    node: Node | None
    scope: Scope


class Reading(NamedTuple):
    """The bytes of one category while one kernel runs: a row of `MemoryUse.readings`."""

    step: int
    phase: str
    scope: str
    node: str
    kernel: str
    category: str
    nbytes: Dim


@dataclass(frozen=True, eq=False)
class MemoryUse:
    """Bytes over the steps of a run; a step is one kernel, and what it reads, makes and keeps is held while it runs.

    A graph that was traced without inputs has no storages: its numbers are None. ``unknown`` counts the values
    without a storage by the operator that makes them. With symbolic sizes a peak is an expression: that of one moment
    where it is the largest for all sizes, else ``Max`` of the moments that compete; ``peak_step`` and what is said of
    it is then the one for large sizes.
    """

    graph: Graph
    sizes: Mapping[Storage, Dim]
    parameters: ParameterCount
    label: str = "memory"
    unit: str = "B"
    note: str = "Memory: bytes still held after the row; the total is the peak."

    # Over the whole run -----------------------------------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether memory was observed at all."""
        return bool(self.sizes) or not self.unknown

    @cached_property
    def unknown(self) -> Mapping[str, int]:
        """How many values have no storage, by operator; inputs, parameters and constants by their role."""
        graph = self.graph
        given = (
            value.role.value for value in (*graph.inputs, *graph.parameters, *graph.constants) if value.storage is None
        )
        made = (node.op for node in graph.nodes for value in node.outputs if value.storage is None)
        return dict(Counter((*given, *made)))

    @cached_property
    def timeline(self) -> Mapping[Category, Timeline]:
        """The bytes of each category at every step; a category that the run never holds is absent.

        ``timeline[Category.ACTIVATION][step]`` belongs to ``graph.kernels[step]``. A run without kernels has one step.
        """
        groups: dict[Category, list[Storage]] = {category: [] for category in Category}
        for storage in self.sizes:
            groups[storage.category].append(storage)
        return {category: self._timeline(storages) for category, storages in groups.items() if storages}

    def readings(self) -> Iterator[Reading]:
        """Yield the timeline as a tidy table for ``pandas.DataFrame``, one row for each step and category.

        The phase, scope, node and kernel are those of the step.
        """
        for step, (node, kernel) in enumerate(self.graph.walk()):
            place = (step, node.phase.value, format_scope(node.scope), node.name, kernel.op)
            for category, timeline in self.timeline.items():
                yield Reading(*place, category.value, timeline[step])

    @cached_property
    def held(self) -> Timeline:
        """The bytes of all categories at every step."""
        return self._timeline(self.sizes)

    def moments(self, most: int) -> tuple[int, ...]:
        """Return at most ``most`` steps, spread evenly, each the highest around it; see `Timeline.moments`."""
        return self.held.moments(most)

    @cached_property
    def peak_step(self) -> int | None:
        """The first step at which the most is held, an index into ``graph.kernels``."""
        return self.held.peaks()[0] if self.known else None

    @cached_property
    def peak(self) -> Dim | None:
        """The most that is held at any step, all categories and devices together."""
        return self.held.highest() if self.known else None

    @property
    def peak_node(self) -> Node | None:
        """The node that runs at the peak; None where no kernel runs."""
        return None if self.peak_step is None else self._node_at(self.peak_step)

    @property
    def peak_by_category(self) -> Mapping[Category, Dim]:
        """The bytes of each category at ``peak_step``; they add up to the peak."""
        if self.peak_step is None:
            return {}
        held = {category: timeline[self.peak_step] for category, timeline in self.timeline.items()}
        return {category: nbytes for category, nbytes in held.items() if nbytes != 0}

    @cached_property
    def peak_by_device(self) -> Mapping[str, Dim]:
        """The most that each device holds at any step: their peaks may lie at different steps."""
        devices = dict.fromkeys(storage.device for storage in self.sizes)
        return {
            device: self._timeline(storage for storage in self.sizes if storage.device == device).highest()
            for device in devices
        }

    @cached_property
    def alive_at_peak(self) -> tuple[Holding, ...]:
        """What is held at ``peak_step``, the largest first (for large sizes, where those are symbols)."""
        if self.peak_step is None:
            return ()
        alive = [storage for storage in self.sizes if storage.alive_at(self.peak_step)]
        weights = {size: at_large(size) for size in {self.sizes[storage] for storage in alive}}
        alive.sort(key=lambda storage: weights[self.sizes[storage]], reverse=True)
        return tuple(self.holding(storage) for storage in alive)

    def at_peak_by_scope(self, depth: int) -> Mapping[Scope, Dim]:
        """Return the bytes held at ``peak_step`` by the scope, at most ``depth`` deep, that made or owns them."""
        groups: dict[Scope, list[Dim]] = {}
        for holding in self.alive_at_peak:
            groups.setdefault(holding.scope[:depth], []).append(holding.nbytes)
        return {scope: add(sizes) for scope, sizes in groups.items()}

    def depth_within(self, most: int) -> int:
        """Return the deepest level at which at most ``most`` modules have something alive at the peak; 0 if none has."""
        deepest = max((len(holding.scope) for holding in self.alive_at_peak), default=0)
        return max(depth for depth in range(deepest + 1) if not depth or len(self.at_peak_by_scope(depth)) <= most)

    def holding(self, storage: Storage) -> Holding:
        """Return ``storage`` with the value, node and scope that it belongs to."""
        value = self._first_values.get(storage)
        node = self._node_at(storage.born)
        return Holding(storage, self.sizes[storage], value, node, self._module_of(value, node))

    def _module_of(self, value: Value | None, node: Node | None) -> Scope:
        if node is not None:
            return node.scope if node.phase is Phase.FORWARD else node.scope[1:]
        owner = self._parameter_of(value) if value is not None else None
        return self.parameters.owner(owner) if owner is not None else ()

    def _parameter_of(self, value: Value) -> Value | None:
        """Return the parameter or buffer that ``value`` is, or that it is the gradient or the optimizer's state of."""
        if value.role in (Role.PARAMETER, Role.BUFFER):
            return value
        if value.storage is None or value.storage.category not in (Category.GRADIENT, Category.OPTIMIZER):
            return None
        # Their names are fc.weight.grad and optimizer.fc.weight.exp_avg.
        name = value.name if value.storage.category is Category.GRADIENT else value.name.removeprefix("optimizer.")
        while name and name not in self._parameters_by_name:
            name = name.rpartition(".")[0]
        return self._parameters_by_name.get(name)

    @cached_property
    def _parameters_by_name(self) -> Mapping[str, Value]:
        return {value.name: value for value in self.graph.parameters}

    # At a place -------------------------------------------------------------------------------------------------------

    def at(self, *places: Place) -> Dim | None:
        """Return the bytes that nodes and scopes allocate and leave behind: what is still held after the last of them.

        A scope is all the nodes in it, and a str the path of a scope. A view, or an operation in place, leaves nothing new; a module leaves what it
        returns, and what it keeps (a cache). So the number of a scope is not the sum over its parts, whose results
        are mostly gone when it ends. The whole graph, ``()``, leaves nothing to anyone: its number is the peak. None
        where no memory was observed, or no node of this graph is named.
        """
        found = resolve(places, self.graph)
        if () in found:
            return self.peak
        nodes = self._nodes(found)
        if not nodes or not self.known or any(value.storage is None for node in nodes for value in node.outputs):
            return None
        spans = _joined(self._spans[node] for node in nodes)
        end = spans[-1].stop
        made = (storage for span in spans for storage in self._born_in(span))
        return add([self.sizes[storage] for storage in made if storage.died is None or storage.died > end])

    def peak_at(self, *places: Place) -> Dim | None:
        """Return the most that the whole run holds while nodes and scopes run; None where no kernel runs for them."""
        steps = [
            step
            for span in _joined(self._spans[node] for node in self._nodes(resolve(places, self.graph)))
            for step in span
        ]
        return self.held.highest(steps) if steps and self.known else None

    def _nodes(self, places: Iterable[Node | Scope]) -> tuple[Node, ...]:
        within = self.graph.nodes_within
        nodes: dict[Node, None] = {}
        for place in places:
            for node in (place,) if isinstance(place, Node) else within.get(place, ()):
                if node in self._spans:
                    nodes[node] = None
        return tuple(nodes)

    # How storages, kernels and nodes belong together ------------------------------------------------------------------

    def _timeline(self, storages: Iterable[Storage]) -> Timeline:
        steps = max(len(self.graph.kernels), 1)
        return Timeline.of(
            (
                (self.sizes[storage], storage.born, steps if storage.died is None else storage.died)
                for storage in storages
            ),
            steps,
        )

    @cached_property
    def _spans(self) -> Mapping[Node, range]:
        """The steps of each node."""
        spans: dict[Node, range] = {}
        step = 0
        for node in self.graph.nodes:
            spans[node] = range(step, step + len(node.kernels))
            step += len(node.kernels)
        return spans

    @cached_property
    def _nodes_by_step(self) -> Sequence[Node]:
        return [node for node, _ in self.graph.walk()]

    def _node_at(self, step: int) -> Node | None:
        return self._nodes_by_step[step] if 0 <= step < len(self._nodes_by_step) else None

    @cached_property
    def _by_birth(self) -> tuple[Sequence[Storage], Sequence[int]]:
        """The storages made in the run, sorted by the step that made them, and those steps."""
        made = sorted((storage for storage in self.sizes if storage.born >= 0), key=lambda storage: storage.born)
        return made, [storage.born for storage in made]

    def _born_in(self, span: range) -> Sequence[Storage]:
        storages, births = self._by_birth
        return storages[bisect_left(births, span.start) : bisect_left(births, span.stop)]

    @cached_property
    def _first_values(self) -> Mapping[Storage, Value]:
        graph = self.graph
        given = (*graph.parameters, *graph.inputs, *graph.constants)
        made = (value for node in graph.nodes for part in (*node.kernels, node) for value in part.outputs)
        first: dict[Storage, Value] = {}
        for value in (*given, *made):
            if value.storage is not None:
                first.setdefault(value.storage, value)
        return first


def _joined(spans: Iterable[range]) -> list[range]:
    """Return spans in order, those that touch as one."""
    joined: list[range] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joined and joined[-1].stop == span.start:
            joined[-1] = range(joined[-1].start, span.stop)
        else:
            joined.append(span)
    return joined
