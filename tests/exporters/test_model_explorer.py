"""Model Explorer: files as its viewer reads them, and as its own classes hold them where they are installed.

The viewer itself takes 700 MB to install; with ``pip install ai-edge-model-explorer`` its classes are asked, too. What the
viewer needs of a file is checked here by hand: edges that lead somewhere, ids that are unique, layers that are paths.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sympy
from build import Builder, encoder
from hostile import WORDS
from hypothesis import given, settings
from strategies import graphs as random_graphs

import fxviz
from fxviz import Facts, Flops, Graph, Memory, Node, Parameters, Value, View
from fxviz.errors import ExportError
from fxviz.exporters.model_explorer import ModelExplorer, ModelExplorerData

SHOWN = (Parameters(), Flops(), Memory())


def written(graph: Graph, **options: Any) -> dict[str, Any]:
    (found,) = json.loads(ModelExplorer().export(View.of(graph, show=SHOWN, **options)))
    return found


def attributes(node: dict[str, Any]) -> dict[str, str]:
    return {entry["key"]: entry["value"] for entry in node["attrs"]}


def check(found: dict[str, Any]) -> None:
    nodes = {node["id"]: node for node in found["nodes"]}
    assert len(nodes) == len(found["nodes"])
    for node in nodes.values():
        for edge in node.get("incomingEdges", ()):
            source = nodes[edge["sourceNodeId"]]
            assert edge["sourceNodeOutputId"] in {output["id"] for output in source["outputsMetadata"]}
        assert all(node["namespace"].split("/")) or node["namespace"] == ""
    layers = {node["namespace"] for node in nodes.values()}
    above = {layer.rsplit("/", depth)[0] for layer in layers for depth in range(layer.count("/") + 1)}
    assert above >= {layer for layer in found["groupNodeAttributes"] if layer}


def test_every_operation_stands_in_its_layer_and_reads_what_it_reads() -> None:
    graph = encoder(3)
    found = written(graph)
    check(found)
    nodes = {node["id"]: node for node in found["nodes"]}
    for node in graph.nodes:
        sources = [graph.producers[value].name for value in node.inputs if value in graph.producers]
        sources += [value.name for value in node.inputs if value in graph.inputs]
        assert sorted(edge["sourceNodeId"] for edge in nodes[node.name]["incomingEdges"]) == sorted(sources)
    assert nodes["gelu_1"]["namespace"] == "layers: ModuleList/1: Block/mlp: Sequential"
    assert nodes["gelu_1"]["label"] == "1: gelu"  # alone in the module "1", which is no layer
    assert attributes(nodes["linear"])["weight"] == "embed.weight float32 8×8"
    block = found["groupNodeAttributes"]["layers: ModuleList/1: Block"]
    assert block["module"] == "layers.1: Block"
    # Two weights of 8·8 in each of three blocks; 8·8 before and 2·8 after them.
    assert block["parameters"] == f"128, {128 / (3 * 128 + 64 + 16):.1%} of all".replace("%", " %")


def test_folded_and_closed_modules_are_written_too() -> None:
    assert written(encoder(3), depth=0) == written(encoder(3), fold=False)


def test_the_sum_over_a_layer_is_what_the_facts_say() -> None:
    graph = encoder(3)
    flops = Facts(graph)[Flops()]
    (data,) = json.loads(ModelExplorerData().export(View.of(graph, color=Flops()))).values()
    assert {id: result["value"] for id, result in data["results"].items()} == {
        node.name: flops.at(node) for node in graph.nodes if flops.at(node) is not None
    }
    assert sum(result["value"] for result in data["results"].values()) == flops.total
    stops = [entry["stop"] for entry in data["gradient"]]
    assert (stops[0], stops[-1], sorted(stops)) == (0, 1, stops)


def test_the_two_files_name_the_same_graph_and_nodes() -> None:
    graph = encoder(2)
    (id, data), *_ = json.loads(ModelExplorerData().export(View.of(graph, show=SHOWN))).items()
    found = written(graph)
    assert id == found["id"]
    assert data["results"].keys() <= {node["id"] for node in found["nodes"]}


def test_members_of_one_output_are_in_a_layer_of_it() -> None:
    build = Builder()
    x = build.op("relu", build.input("cache.0", 2))
    found = written(replace(build.graph(x, x), output_names=("logits", "cache.0.keys")))
    places = {(node["namespace"], node["label"]) for node in found["nodes"]}
    assert places == {("", "relu"), ("", "logits"), ("cache: input", "0"), ("cache: output", "0.keys")}


def test_what_is_not_counted_is_told() -> None:
    build = Builder()
    x = build.op("strange", build.input("x", 2), kernel="mylib.strange.default")
    assert written(build.graph(x))["groupNodeAttributes"][""]["FLOPs not counted"] == "mylib.strange × 1"


def test_a_number_that_is_not_known_has_no_data() -> None:
    symbol = sympy.Symbol("B", integer=True, positive=True)
    with pytest.raises(ExportError, match="FLOPs of 'encoder' are known of no operation"):
        ModelExplorerData().export(View.of(encoder(2, batch=symbol), color=Flops()))
    with pytest.raises(ExportError, match="colour the view"):
        ModelExplorerData().export(View.of(encoder(2)))


@given(random_graphs(texts=True))
@settings(deadline=None, max_examples=50)
def test_any_graph_and_any_name(graph: Graph) -> None:
    check(written(graph))


def test_hostile_names_come_back() -> None:
    build = Builder("\ud800 <b>")
    for word in WORDS:
        with build.module(word or "x", "a/b"):
            x = build.input("x", 2)
            build.op("relu", build.op("relu", x))
    found = written(build.graph(x))
    check(found)
    assert found["id"] == "\ud800 <b>"
    assert all(node["namespace"].count("/") == 0 for node in found["nodes"])


def test_a_suffix_of_two_parts_names_the_format(tmp_path: Any) -> None:
    graph = encoder(2)
    fxviz.export(graph, tmp_path / "m.explorer.json")
    fxviz.export(graph, tmp_path / "m.json")
    assert isinstance(json.loads((tmp_path / "m.explorer.json").read_text()), list)
    assert len(fxviz.load(tmp_path / "m.json").nodes) == len(graph.nodes)


def test_the_viewers_own_classes_take_it() -> None:
    builder = pytest.importorskip("model_explorer.graph_builder", reason="model-explorer is not installed")
    dacite = pytest.importorskip("dacite")
    graph = dacite.from_dict(builder.Graph, written(encoder(3)), dacite.Config(strict=True))
    assert [node.label for node in graph.nodes][:2] == ["x", "embed: linear"]
    assert isinstance(graph.nodes[1].incomingEdges[0], builder.IncomingEdge)


def test_nodes_of_equal_names_as_inputs_stay_apart() -> None:
    build = Builder()
    x = build.input("relu", 2)
    y = Value("y", x.type)
    build.build.append(Node("relu", (x,), (y,), ("input",), name="relu"))
    graph = build.graph(y)
    found = written(graph)
    check(found)
    assert {type(node) for node in graph.nodes} == {Node}
    assert [node["id"] for node in found["nodes"]] == ["relu~", "relu", "output output"]
