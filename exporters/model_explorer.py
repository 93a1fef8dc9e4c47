"""Model Explorer: the graph with its modules as layers to open, and a number of every operation to colour them by.

Two files that https://github.com/google-ai-edge/model-explorer reads: `ModelExplorer` writes the graph, and
`ModelExplorerData` one number to lay over it as a heat map. Both hold all operations, copies of folded modules too: the
viewer opens, closes and finds layers by itself, and the sums that it makes over a layer are right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fxviz.errors import ExportError
from fxviz.exporters.base import Exporter
from fxviz.exporters.drawing.palette import color_of, heat_colors, tint
from fxviz.exporters.onnx.view.metadata import describe_node, describe_scope, measure, summarize
from fxviz.ir import Dim, Graph, Node, Role, Scope, Value
from fxviz.ir.frames import scope_sizes
from fxviz.ir.printer import format_attribute
from fxviz.text.quantity import format_shape, format_type
from fxviz.views.captions import node_title, scope_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fxviz.views.view import View

__all__ = ["ModelExplorer", "ModelExplorerData"]

Json: TypeAlias = "dict[str, object]"

_STEPS = 8  # of the scale of colours; the viewer interpolates between them


@dataclass(frozen=True)
class ModelExplorer(Exporter):
    """Writes the graph behind a view, all of it; the numbers of the view are attributes of operations and layers."""

    whole = True
    drawn = False
    language = "json"

    def export(self, view: View) -> str:
        """Return a list of one graph, as JSON."""
        return json.dumps([_Writer(view).graph()], separators=(",", ":"))


@dataclass(frozen=True)
class ModelExplorerData(Exporter):
    """Writes one number for every operation: the one that colours the view, else the first that is shown.

    An operation whose number is not known, or depends on symbols, is left out, and stays without colour. Raises
    `ExportError` if this leaves none.
    """

    whole = True
    drawn = False
    language = "json"

    def export(self, view: View) -> str:
        """Return the node data of one graph, as JSON."""
        metric = view.color or next(iter(view.metrics), None)
        if metric is None:
            raise ExportError(
                "node data is one number for each operation: colour the view by it, such as color='flops'"
            )
        ids = _ids(view.graph)
        amounts = {ids[node]: _number(metric.at(node)) for node in view.graph.nodes}
        results = {id: {"value": amount} for id, amount in amounts.items() if amount is not None}
        if not results:
            raise ExportError(
                f"{metric.label} of {view.graph.name!r} are known of no operation, or depend on symbols: "
                "trace it with inputs of fixed sizes, or colour by another number"
            )
        stops = [step / _STEPS for step in range(_STEPS + 1)]
        gradient = [
            {"stop": stop, "bgColor": heat_colors(stop)[0], "textColor": heat_colors(stop)[1]} for stop in stops
        ]
        return json.dumps({_title(view.graph): {"results": results, "gradient": gradient}}, separators=(",", ":"))


class _Writer:
    """One graph while it is written."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._ids = _ids(view.graph)
        self._sizes = scope_sizes(view.graph.nodes)
        self._layers = _layers(view.graph, self._sizes)
        # Every value that flows, as those who read it name it: the node that gives it, and which of its outputs it is.
        self._origins = {
            value: {"sourceNodeId": self._ids[node], "sourceNodeOutputId": str(place)}
            for node in view.graph.nodes
            for place, value in enumerate(node.outputs)
        } | {value: {"sourceNodeId": self._ids[value], "sourceNodeOutputId": "0"} for value in view.graph.inputs}

    def graph(self) -> Json:
        graph = self._view.graph
        return {
            "id": _title(graph),
            "nodes": [*map(self._input, graph.inputs), *map(self._node, graph.nodes), *self._outputs()],
            "groupNodeAttributes": {"": summarize(self._view)}
            | {layer: self._describe_layer(scope) for scope, layer in self._layers.items() if scope},
            "layoutConfigs": {"keepLayersWithASingleChild": True},
        }

    def _input(self, value: Value) -> Json:
        return {
            "id": self._ids[value],
            **_place(value.name, "input"),
            "outputsMetadata": [_output(0, value)],
            "style": _style("input"),
        }

    def _outputs(self) -> Iterator[Json]:
        graph = self._view.graph
        names = graph.output_names or tuple(value.name for value in graph.outputs)
        ids = _distinct((f"output {name}" for name in names), self._ids.values())
        for id, name, value in zip(ids, names, graph.outputs, strict=True):
            yield {
                "id": id,
                **_place(name, "output"),
                "attrs": _attributes({"type": format_type(value.type)}),
                "incomingEdges": [*self._edges([value])],
                "style": _style("output"),
            }

    def _node(self, node: Node) -> Json:
        depth = _depth(node, self._sizes)
        return {
            "id": self._ids[node],
            "label": node_title(node, node.scope[:depth], alone=depth < len(node.scope)),
            "namespace": self._layers[node.scope[:depth]],
            "attrs": _attributes(self._describe(node)),
            "incomingEdges": [*self._edges(node.inputs)],
            "inputsMetadata": [
                {"id": str(place), "attrs": _attributes({"__tensor_tag": name})}
                for place, name in enumerate(node.input_names)
            ],
            "outputsMetadata": [_output(place, value) for place, value in enumerate(node.outputs)],
            "style": _style(self._view.kind(node)),
        }

    def _edges(self, values: Sequence[Value]) -> Iterator[Json]:
        """Write an edge for each input that flows; weights and constants are attributes of the operation that reads them."""
        for place, value in enumerate(values):
            if (origin := self._origins.get(value)) is not None:
                yield {**origin, "targetNodeInputId": str(place)}

    def _describe(self, node: Node) -> dict[str, str]:
        held = [(name, value) for name, value in zip(node.input_names, node.inputs, strict=True) if _is_held(value)]
        weights = {name: f"{value.name} {format_type(value.type)}" for name, value in held}
        given = {name: format_attribute(attribute) for name, attribute in node.attributes.items()}
        return describe_node(node) | weights | given | self._measure(node)

    def _describe_layer(self, scope: Scope) -> dict[str, str]:
        return describe_scope(scope) | {"operations": f"{self._sizes[scope]:,}"} | self._measure(scope)

    def _measure(self, place: Node | Scope) -> dict[str, str]:
        return measure((metric for metric in self._view.metrics if metric.at(place) is not None), place)


def _ids(graph: Graph) -> Mapping[Node | Value, str]:
    """Return the ids of operations and inputs: their names, made distinct."""
    things: list[Node | Value] = [*graph.nodes, *graph.inputs]
    return dict(zip(things, _distinct(thing.name for thing in things), strict=True))


def _distinct(names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[str]:
    seen = set(taken)
    for name in names:
        while name in seen:
            name += "~"
        seen.add(name)
        yield name


def _layers(graph: Graph, sizes: Mapping[Scope, int]) -> Mapping[Scope, str]:
    """Return the viewer's layer for every scope that holds more than one operation: a path, ``encoder: Encoder/0: Block``."""
    layers: dict[Scope, str] = {(): ""}
    for scope in graph.scopes[1:]:
        if sizes[scope] > 1:
            title = _layer(scope_title((scope,), scope[:-1], scope[-1].kind))
            path = f"{layers[scope[:-1]]}/{title}".removeprefix("/")
            (layers[scope],) = _distinct([path], layers.values())
    return layers


def _depth(node: Node, sizes: Mapping[Scope, int]) -> int:
    """Return how deep the innermost scope is that holds more than this node."""
    return next((depth for depth in range(len(node.scope), 0, -1) if sizes[node.scope[:depth]] > 1), 0)


def _place(name: str, kind: str) -> Json:
    """Put an input or output of the graph into a layer if it is a member of one, such as a part of a cache."""
    whole, _, member = name.partition(".")
    return {"label": member or name, "namespace": _layer(f"{whole}: {kind}") if member else ""}


def _layer(title: str) -> str:
    """Write a title as one step of a layer's path."""
    return title.replace("/", "∕")


def _output(place: int, value: Value) -> Json:
    facts = {"tensor_name": value.name}
    if value.type:
        facts |= {"tensor_shape": format_shape(value.type.shape), "dtype": value.type.dtype}
    return {"id": str(place), "attrs": _attributes(facts)}


def _attributes(facts: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in facts.items()]


def _style(kind: str) -> Json:
    color = color_of(kind)
    return {"backgroundColor": tint(color, 0.2), "borderColor": color, "hoveredBorderColor": tint(color, 0.6)}


def _is_held(value: Value) -> bool:
    return value.role in (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)


def _title(graph: Graph) -> str:
    return graph.name or "graph"


def _number(amount: Dim | None) -> int | float | None:
    if amount is None or isinstance(amount, int):
        return amount
    return float(amount) if amount.is_number else None
