"""Roofline: how long a model takes at least on a device, and whether arithmetic or memory sets the pace.

A kernel takes no less than its arithmetic at the peak rate, and no less than its bytes at the peak bandwidth: the larger
of these (Williams, Waterman and Patterson, Roofline, 2009). Kernels run one after the other. What this leaves out, the
time to launch a kernel and how far a real one stays below the peak, makes real runs slower, never faster; only kernels
fused by a compiler, or data still in a cache, can beat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import sympy

from fxviz.analysis.facts import Facts, Tally, add, at_large
from fxviz.passes.devices import Device, find_device
from fxviz.passes.flops import Flops
from fxviz.passes.traffic import Traffic, traffic_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.places import Place
    from fxviz.ir import Dim, Graph, Kernel, Node, Scope
    from fxviz.passes.rules.cost import Cost

__all__ = ["Roofline", "RooflineEstimate"]


@dataclass(frozen=True)
class Roofline:
    """The least time of every kernel on ``device``: a name (``"h100"``), a TOML file of yours, or a `Device`.

    ``tf32`` says that products of float32 run on TensorFloat-32 units, as after
    ``torch.set_float32_matmul_precision("high")``.
    """

    device: str | Device = "h100"
    tf32: bool = False

    def run(self, facts: Facts) -> RooflineEstimate:
        """Return the estimate for ``facts.graph``."""
        device = find_device(self.device) if isinstance(self.device, str) else self.device
        flops = facts[Flops()]
        costs = flops.costs
        traffic = {kernel: moved for kernel in facts.graph.kernels if (moved := traffic_of(kernel)) is not None}
        work = {kernel: _seconds(costs[kernel], kernel, device, self.tf32) for kernel in traffic if kernel in costs}
        moving = {kernel: _per(moved.total, device.bandwidth) for kernel, moved in traffic.items()}
        return RooflineEstimate(facts.graph, device, costs, traffic, work, moving, flops.unknown)


@dataclass(frozen=True, eq=False)
class RooflineEstimate:
    """The least time on ``device``, in seconds, exact fractions; as a metric it is that time.

    ``traffic`` has the bytes of every kernel, ``work`` and ``moving`` the seconds of its arithmetic and of its bytes.
    With symbolic sizes a time is an expression. A kernel whose FLOPs are not known has the time of its bytes;
    ``unknown`` says how often each operator was not counted.
    """

    graph: Graph
    device: Device
    costs: Mapping[Kernel, Cost]
    traffic: Mapping[Kernel, Traffic]
    work: Mapping[Kernel, Dim]
    moving: Mapping[Kernel, Dim]
    unknown: Mapping[str, int]
    label: str = "time"
    unit: str = "s"

    @cached_property
    def time(self) -> Tally:
        """Seconds, one kernel after the other."""
        return self._tally("time", "s", {kernel: self._time(kernel) for kernel in self.traffic})

    @cached_property
    def read(self) -> Tally:
        """Bytes read from memory."""
        return self._tally("read", "B", {kernel: moved.read for kernel, moved in self.traffic.items()})

    @cached_property
    def written(self) -> Tally:
        """Bytes written to memory."""
        return self._tally("written", "B", {kernel: moved.written for kernel, moved in self.traffic.items()})

    @property
    def total(self) -> Dim:
        """Seconds for the whole graph."""
        return self.time.total

    def at(self, *places: Place) -> Dim | None:
        """Return the seconds for nodes, scopes and paths together, which must not overlap; None if nothing is known."""
        return self.time.at(*places)

    def by_scope(self, depth: int) -> Mapping[Scope, Dim]:
        """Return the seconds for all scopes that are ``depth`` deep, and for what lies above them."""
        return self.time.by_scope(depth)

    def intensity(self, *places: Place) -> Dim | None:
        """Return the FLOPs, integer OPs included, for each byte that is moved; None if nothing is moved or known."""
        read, written, flops = (tally.at(*places) for tally in (self.read, self.written, self._operations))
        if read is None or written is None or flops is None or read + written == 0:
            return None
        return sympy.sympify(flops) / (read + written)

    def bound(self, node: Node) -> Literal["memory", "compute"] | None:
        """Return what sets the pace of a node, at large sizes if they are symbols; None if it takes no time."""
        known = [kernel for kernel in node.kernels if kernel in self.moving]
        moving = sum(at_large(self.moving[kernel]) for kernel in known)
        work = sum(at_large(self.work.get(kernel, 0)) for kernel in known)
        if moving == work == 0:
            return None
        return "memory" if moving >= work else "compute"

    @cached_property
    def memory_bound(self) -> tuple[Node, ...]:
        """The nodes that wait for memory, in execution order."""
        return tuple(node for node in self.graph.nodes if self.bound(node) == "memory")

    @cached_property
    def _operations(self) -> Tally:
        known = {kernel: cost.total + cost.ops for kernel, cost in self.costs.items()}
        return self._tally("operations", "FLOPs", known)

    def _time(self, kernel: Kernel) -> Dim:
        work, moving = self.work.get(kernel, 0), self.moving[kernel]
        return _largest([work, moving])

    def _tally(self, label: str, unit: str, amounts: Mapping[Kernel, Dim]) -> Tally:
        known = {node: [amounts[kernel] for kernel in node.kernels if kernel in amounts] for node in self.graph.nodes}
        by_node = {node: add(parts) for node, parts in known.items() if parts or _passes_on(node)}
        return Tally(label, by_node, unit, self.unknown, self.graph)


def _passes_on(node: Node) -> bool:
    """Return whether a node passes its input on and runs nothing; without types that is not known."""
    return not node.kernels and all(value.type is not None for value in (*node.inputs, *node.outputs))


def _seconds(cost: Cost, kernel: Kernel, device: Device, tf32: bool) -> Dim:
    """Return the largest of the times of each sort of work: different units do them, at the same time at best."""
    dtypes = [value.type.dtype for value in kernel.inputs if value.type is not None]
    dtype = next((dtype for dtype in dtypes if "float" in dtype), "float32")
    kind = "tf32" if tf32 and dtype == "float32" else dtype
    matrix_rate = device.rate(kind) or device.rate("float32")
    works = ((cost.matrix, matrix_rate), (cost.ops, device.rate("int8")), (cost.pointwise, device.rate("vector")))
    return _largest([_per(amount, rate) for amount, rate in works if rate is not None])


def _per(amount: Dim, rate: int) -> Dim:
    """Return exactly ``amount / rate``; the number 0 for nothing."""
    return 0 if amount == 0 else sympy.Rational(amount, rate) if isinstance(amount, int) else amount / rate


def _largest(times: list[Dim]) -> Dim:
    some = [time for time in dict.fromkeys(times) if time != 0]
    if all(isinstance(time, int | sympy.Rational) for time in some):
        return max(some, default=0)
    # To compare expressions for all sizes takes sympy long, and says little.
    return some[0] if len(some) == 1 else sympy.Max(*some, evaluate=False)
