"""The words on a diagram: titles, shapes, numbers and tooltips, the same in every format."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from fxviz.ir import Node, Scope, Value, format_scope
from fxviz.ir.printer import format_attribute
from fxviz.text.quantity import format_quantity, format_shape, format_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fxviz.analysis.facts import Metric
    from fxviz.ir import Attribute
    from fxviz.views.structural_hash import Varying

__all__ = [
    "group_tooltip",
    "held",
    "left_out",
    "node_title",
    "node_tooltip",
    "numbers",
    "parts_label",
    "relative_path",
    "scope_title",
    "scope_tooltip",
    "sequence_kind",
    "series",
    "shapes",
    "value_title",
    "value_tooltip",
    "varying",
]

_MOST_SHAPES = 2
_MOST_HIDDEN = 6
_MOST_NAMES, _MOST_SERIES = 2, 2
_MOST_SOURCES = 3
_MOST_OPS = 3
_MOST_HELD = 4
_MOST_VALUES, _LONGEST_VALUES = 6, 40


def node_title(node: Node, parent: Scope, alone: bool) -> str:
    """Name an operation, with the name of its module where it is ``alone`` in it.

    >>> from fxviz.ir import Call
    >>> node = Node("conv2d", (), (), scope=(Call("stem", "Stem"), Call("stem.conv1", "Conv2d")))
    >>> node_title(node, node.scope[:1], alone=True), node_title(node, node.scope, alone=False)
    ('conv1: conv2d', 'conv2d')
    """
    if not alone or not node.scope:
        return node.op
    name = relative_path((node.scope,), parent)
    return node.op if name.partition("@")[0] == node.op.strip("_") else f"{name}: {node.op}"


def scope_title(copies: Sequence[Scope], parent: Scope, kind: str, period: int = 1) -> str:
    """Name a scope by its path in its parent and its kind, a folded run with its range and count.

    Of a repeated sequence, ``period`` of the copies are one.

    >>> from fxviz.ir import Call
    >>> copies = [(Call("layers", "ModuleList"), Call(f"layers.{i}", "Block")) for i in range(12)]
    >>> scope_title(copies, (), "Block"), scope_title(copies[:1], copies[0][:1], "Block")
    ('layers.0–11: Block × 12', '0: Block')
    >>> scope_title(copies, (), "[Plain, Shifted]", period=2)
    'layers.0–11: [Plain, Shifted] × 6'
    """
    name = f"{relative_path(copies, parent)}: {kind}"
    return f"{name} × {len(copies) // period}" if len(copies) > period else name


def parts_label(parts: Sequence[Node | Scope]) -> str:
    """Name some parts of a scope, in a row, as one.

    >>> from fxviz.ir import Call
    >>> add = Node("add", (), ())
    >>> parts_label([add] * 3), parts_label([(Call("stem.conv1", "Conv2d"),), add, (Call("stem.pool", "Pool"),)])
    ('3 operations: add', 'conv1 … pool: 3 parts')
    """
    nodes = [part for part in parts if isinstance(part, Node)]
    if len(nodes) < len(parts):
        first, last = (part.op if isinstance(part, Node) else part[-1].label for part in (parts[0], parts[-1]))
        return f"{first} … {last}: {len(parts)} parts"
    ops = [op for op, _ in Counter(node.op for node in nodes).most_common()]
    return f"{len(nodes)} operations: {', '.join(ops[:_MOST_OPS] + ['…'] * (len(ops) > _MOST_OPS))}"


def held(scopes: Sequence[Scope]) -> str:
    """List the kinds of the modules in a closed one, neighbours of one kind together.

    >>> from fxviz.ir import Call
    >>> held([(Call("0", "Block"),), (Call("1", "Block"),), (Call("2", "Head"),)])
    '[Block × 2, Head]'
    """
    runs = [(kind, len([*run])) for kind, run in groupby(scope[-1].kind for scope in scopes)]
    named = [f"{kind} × {times}" if times > 1 else kind for kind, times in runs]
    return f"[{', '.join(named[:_MOST_HELD] + ['…'] * (len(named) > _MOST_HELD))}]"


def sequence_kind(scopes: Sequence[Scope]) -> str:
    """List the kinds of a sequence of siblings, neighbours of one kind together.

    >>> from fxviz.ir import Call
    >>> sequence_kind([(Call("0", "Local"),), (Call("1", "Local"),), (Call("2", "Global"),)])
    '[Local × 2, Global]'
    """
    runs = [(kind, len([*run])) for kind, run in groupby(scope[-1].kind for scope in scopes)]
    return f"[{', '.join(f'{kind} × {times}' if times > 1 else kind for kind, times in runs)}]"


def relative_path(copies: Sequence[Scope], parent: Scope) -> str:
    """Return the path of modules as seen from the box around them, without the middle of a long path."""
    first, last = copies[0][-1], copies[-1][-1]
    name = name_range([call[-1].path for call in copies]) if first.path != last.path else first.path
    inside = f"{parent[-1].path}." if parent else ""
    if name.startswith(inside):
        name = name[len(inside) :]
    parts = name.split(".")
    name = name if len(parts) <= 3 else f"{parts[0]}…{'.'.join(parts[-2:])}"
    expected = parent[-1].index if parent else 0
    return f"{name}@{first.index}" if len(copies) == 1 and first.index != expected else name


def value_title(names: Sequence[str]) -> str:
    """Name an input or output of the graph, with the names of all that it represents.

    >>> value_title(["cache.layers.0.keys", "cache.layers.1.keys"]), value_title(["hidden", "last", "aux"])
    ('cache.layers.0–1.keys × 2', 'hidden, last, …')
    """
    if len(names) > 1 and len(set(map(series, names))) == 1:
        return f"{name_range(names)} × {len(names)}"
    return ", ".join([*names[:2], *(["…"] if len(names) > 2 else [])])


def series(name: str) -> str:
    """Return what the names of a series have in common: all but the numbers.

    >>> series("layers.0.norm1") == series("layers.12.norm2"), series("query") == series("key")
    (True, False)
    """
    return re.sub(r"\d+", "#", name)


def name_range(paths: Sequence[str]) -> str:
    """Write dotted names that count up in one place as a range, others as first and last.

    >>> name_range(["h.0", "h.1", "h.2"]), name_range(["h.0", "h.2"]), name_range(["block1.a", "block2.a"])
    ('h.0–2', 'h.0…2', 'block1–2.a')
    >>> name_range(["states.0", "states.1", "last"])
    'states.0…last'
    """
    split = [re.split(r"(\d+)", path) for path in paths]
    changing = [place for place, parts in enumerate(zip_longest(*split)) if len(set(parts)) > 1]
    if len(changing) != 1 or changing[0] % 2 == 0:  # every second part is a number
        return f"{paths[0]}…{paths[-1].rpartition('.')[2]}"
    place = changing[0]
    numbers = [int(parts[place]) for parts in split]
    consecutive = numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    counted = f"{numbers[0]}{'–' if consecutive else '…'}{numbers[-1]}"
    return "".join([*split[0][:place], counted, *split[0][place + 1 :]])


def varying(found: Sequence[Varying]) -> str:
    """List the attributes that copies of a folded box do not share, with their values; many as the first and the last.

    >>> from fxviz.views.structural_hash import Varying
    >>> varying([Varying(("dilation", "padding"), (1, 2, 4, 8)), Varying(("p",), tuple(i / 100 for i in range(11)))])
    'dilation/padding 1, 2, 4, 8 · p 0…0.1'
    """
    series = [f"{'/'.join(each.names[:_MOST_NAMES])} {_values(each.values)}" for each in found[:_MOST_SERIES]]
    return " · ".join([*series, *(["…"] if len(found) > _MOST_SERIES else [])])


def _values(values: Sequence[Attribute]) -> str:
    text = ", ".join(map(_number, values)) if len(values) <= _MOST_VALUES else ""
    return text if 0 < len(text) <= _LONGEST_VALUES else f"{_number(values[0])}…{_number(values[-1])}"


def _number(value: Attribute) -> str:
    return f"{value:.3g}" if isinstance(value, float) else format_attribute(value)


def left_out(hidden: Mapping[str, int]) -> str:
    """Say which operators a picture does not show, and how many; empty where nothing is left out.

    >>> left_out({"view": 24, "dropout": 12}), left_out({})
    ('not shown: 24 view, 12 dropout', '')
    """
    counts = [f"{count:,} {op}" for op, count in hidden.items()]
    more = sum(list(hidden.values())[_MOST_HIDDEN:])
    rest = [f"{more:,} more"] if more else []
    return f"not shown: {', '.join(counts[:_MOST_HIDDEN] + rest)}" if counts else ""


def shapes(values: Sequence[Value]) -> str:
    """Write the shapes of values on one line, ``…`` for more than two; empty where none is known.

    >>> from fxviz.ir import TensorType
    >>> shapes([Value("x", TensorType((1, 64, 7, 7), "float32"))])
    '1×64×7×7'
    """
    known = [format_shape(value.type.shape) for value in values if value.type]
    return ", ".join(known[:_MOST_SHAPES] + ["…"] * (len(known) > _MOST_SHAPES))


def numbers(metrics: Sequence[Metric], places: Sequence[Node | Scope]) -> str:
    """Write the numbers of some places on one line, without zero and unknown ones; a unit that two share gets its label."""
    units = Counter(metric.unit for metric in metrics)
    found = [(metric, metric.at(*places)) for metric in metrics]
    return " · ".join(
        format_quantity(amount, metric.unit) + (f" {metric.label}" if not metric.unit or units[metric.unit] > 1 else "")
        for metric, amount in found
        if amount is not None and amount != 0
    )


def node_tooltip(node: Node, metrics: Sequence[Metric]) -> str:
    """Describe an operation: all that is known of it, a line each."""
    return "\n".join(
        (
            f"{node.name}: {node.op}",
            *_whereabouts(node.scope),
            *([str(node.source)] if node.source else []),
            *(f"{name}={format_attribute(attribute)}" for name, attribute in node.attributes.items()),
            *_types("reads", node.inputs, node.input_names),
            *_types("makes", node.outputs),
            *([f"runs {', '.join(kernel.op for kernel in node.kernels)}"] if node.kernels else []),
            *_every_number(metrics, (node,)),
        )
    )


def value_tooltip(kind: str, value: Value, names: Sequence[str]) -> str:
    """Describe an input or output of the graph: its type, and the names that callers know it by."""
    return "\n".join(
        (f"{kind} {value.name}: {format_type(value.type)}", *(name for name in names if name != value.name))
    )


def scope_tooltip(
    copies: Sequence[Scope],
    nodes: int,
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    metrics: Sequence[Metric],
    period: int = 1,
) -> str:
    """Describe a scope of so many ``nodes``, a line each; a folded run with its numbers together and for one copy."""
    count = f"{nodes} operation{'s' if nodes != 1 else ''}"
    return "\n".join(
        (
            *_whereabouts(copies[0]),
            *(
                [f"to {format_scope(copies[-1])}: {len(copies) // period} equal ones, {count} each"]
                if len(copies) > period
                else [count]
            ),
            *_types("reads", inputs),
            *_types("makes", outputs),
            *_every_number(metrics, copies),
            *([f"{line} each" for line in _every_number(metrics, copies[:period])] if len(copies) > period else []),
        )
    )


def group_tooltip(
    label: str,
    around: Scope,
    parts: Sequence[Node | Scope],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    metrics: Sequence[Metric],
) -> str:
    """Describe some parts of a scope: all that is known of them, a line each."""
    nodes = [part for part in parts if isinstance(part, Node)]
    sources = dict.fromkeys(str(node.source) for node in nodes if node.source)
    return "\n".join(
        (
            f"{label}: {len(parts)} of the parts of {format_scope(around) or 'the model'}",
            *[*sources][:_MOST_SOURCES],
            *([", ".join(dict.fromkeys(node.op for node in nodes))] if nodes else []),
            *_types("reads", inputs),
            *_types("makes", outputs),
            *_every_number(metrics, parts),
        )
    )


def _whereabouts(scope: Scope) -> Iterator[str]:
    if scope:
        yield f"{format_scope(scope)}: {scope[-1].kind}"


def _types(verb: str, values: Sequence[Value], names: Sequence[str] = ()) -> Iterator[str]:
    for position, value in enumerate(values):
        name = f"{names[position]}: " if names else ""
        yield f"{verb} {name}{value.name} {format_type(value.type)}"


def _every_number(metrics: Sequence[Metric], places: Sequence[Node | Scope]) -> Iterator[str]:
    for metric in metrics:
        if (amount := metric.at(*places)) is not None:
            yield f"{metric.label}: {format_quantity(amount, metric.unit)}"
