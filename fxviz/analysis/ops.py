"""One record an operator: its kind, what it costs, and how ONNX writes and reads it.

Analyses, views, importers and exporters derive their tables from these records, so that an operator is described in one
place: the file of its family in ``fxviz/passes/rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from fxviz.errors import FxvizError

if TYPE_CHECKING:
    from typing import Unpack

    from fxviz.analysis.standard import StandardRule
    from fxviz.ir import Dim, Kernel

__all__ = [
    "FREE",
    "WORK",
    "Aspects",
    "Cost",
    "FlopRule",
    "Kind",
    "Operator",
    "Operators",
    "Reading",
    "Traffic",
    "TrafficRule",
    "reading",
]

Kind: TypeAlias = Literal[
    "matrix",
    "attention",
    "embedding",
    "activation",
    "normalization",
    "pool",
    "shape",
    "elementwise",
    "reduction",
    "random",
    "data",
]
"""The kind of work that an operator does: it colours the operator in a picture."""

WORK: frozenset[str] = frozenset({"matrix", "attention", "embedding"})
"""The kinds of work for which a model is built; operators of the others prepare it, or come between."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The arithmetic of a kernel in FLOPs; a multiply-add is 2.

    ``matrix`` is the work of multiply-add contractions: matrix products, convolutions, attention, recurrent layers.
    ``pointwise`` is everything else: element by element, normalisation, reduction, and the bias of a matrix product.
    ``ops`` are contractions of integers: not FLOPs, since other units do them at another speed.

    >>> Cost(matrix=8) + Cost(matrix=2, pointwise=1) * 3
    Cost(matrix=14, pointwise=3, ops=0)
    """

    matrix: Dim = 0
    pointwise: Dim = 0
    ops: Dim = 0

    @property
    def total(self) -> Dim:
        """Matrix and pointwise work together, in FLOPs: without integer ``ops``."""
        return self.matrix + self.pointwise

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.matrix + other.matrix, self.pointwise + other.pointwise, self.ops + other.ops)

    def __mul__(self, times: Dim) -> Cost:
        return Cost(self.matrix * times, self.pointwise * times, self.ops * times)


FREE = Cost()
"""No arithmetic at all."""

FlopRule: TypeAlias = Callable[["Kernel"], Cost | None]
"""Return the cost of a kernel from its types and attributes; None where they do not suffice: it is counted as unknown.

A rule is applied only to kernels whose tensors all have types.
"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes read and bytes written."""

    read: Dim = 0
    written: Dim = 0

    @property
    def total(self) -> Dim:
        """Both together."""
        return self.read + self.written


TrafficRule: TypeAlias = Callable[["Kernel"], Traffic]
"""Return the bytes that a kernel moves, where it does not read all of its inputs or write all of its outputs once."""


@dataclass(frozen=True)
class Reading:
    """An operator of an ONNX file that one kernel computes exactly.

    ``operands`` are the kernel's names for the operands, in ONNX's order; ``attributes`` maps ONNX's names to the
    kernel's.
    """

    op_type: str
    overload: str = "default"
    operands: tuple[str, ...] = ("self",)
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def reading(
    op_types: str,
    overload: str = "default",
    operands: tuple[str, ...] = ("self",),
    attributes: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Reading, ...]:
    """Return a `Reading` for each of the ONNX operators named in ``op_types``, separated by spaces.

    >>> [found.op_type for found in reading("Cast CastLike")]
    ['Cast', 'CastLike']
    """
    return tuple(Reading(op_type, overload, operands, attributes) for op_type in op_types.split())


@dataclass(frozen=True)
class Operator:
    """All that fxviz knows of one operator.

    ``name`` is a kernel's with its library and without its overload (``aten.addmm``; ``aten.max.other`` is one overload
    alone), or the bare name that authors know an operation by, whose kernels have records of their own (``hstack``). An
    in-place kernel (``aten.add_``) has the record of its functional form.
    """

    name: str
    kind: Kind
    flops: FlopRule | None = None
    causal_flops: FlopRule | None = None
    """The FLOPs without what a causal mask leaves out, where they differ."""
    layout: bool = False
    """Whether the operator passes its tensor on in another shape, order or dtype: pictures can do without it."""
    traffic: TrafficRule | None = None
    """The bytes moved, where they are not those of every input and every output."""
    traffic_in_place: TrafficRule | None = None
    """The same for the in-place form."""
    onnx: StandardRule | None = None
    """How the operator is written as a standard ONNX operator."""
    reads: tuple[Reading, ...] = ()
    """The ONNX operators that are read as this one."""

    @property
    def author_name(self) -> str:
        """The name without its library: ``addmm``. An operator of ONNX is itself: ``Gemm``, ``com.microsoft.Gelu``."""
        return self.name if self.name.startswith("com.microsoft.") else self.name.partition(".")[2] or self.name


class Aspects(TypedDict, total=False):
    """What may be declared of an operator beside its name and its FLOP rule; see `Operator`."""

    kind: Kind
    causal_flops: FlopRule
    layout: bool
    traffic: TrafficRule
    traffic_in_place: TrafficRule
    onnx: StandardRule
    reads: tuple[Reading, ...]


class Operators(Mapping[str, Operator]):
    """The operators of one family by name, of one kind unless they say otherwise; a second record for a name is refused.

    >>> operators = Operators("elementwise")
    >>> operators.declare("exp log", reads=reading("Exp"))
    >>> operators["aten.exp"].kind, list(operators)
    ('elementwise', ['aten.exp', 'aten.log'])
    """

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind
        self._records: dict[str, Operator] = {}

    def __call__(self, *names: str, **aspects: Unpack[Aspects]) -> Callable[[FlopRule], FlopRule]:
        """Return a decorator that declares operators whose FLOP rule is the decorated function."""

        def register(rule: FlopRule) -> FlopRule:
            self._add(names, rule, aspects)
            return rule

        return register

    def declare(
        self, names: str, flops: FlopRule | None = None, *, library: str = "aten", **aspects: Unpack[Aspects]
    ) -> None:
        """Declare the operators named in ``names``, separated by spaces and without their ``library``.

        Authors' operations, whose kernels have records of their own, have the library ``""``.
        """
        self._add([f"{library}.{name}" if library else name for name in names.split()], flops, aspects)

    def _add(self, names: list[str] | tuple[str, ...], flops: FlopRule | None, aspects: Aspects) -> None:
        for name in names:
            if name in self._records:
                raise FxvizError(f"the operator {name} is declared twice")
            described: Aspects = {"kind": self._kind, **aspects}
            self._records[name] = Operator(name, flops=flops, **described)

    def __getitem__(self, name: str) -> Operator:
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
