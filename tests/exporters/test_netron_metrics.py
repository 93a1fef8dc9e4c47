"""Netron's attachment: numbers by the names of the file that was traced, shown by Netron's own page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from build import Builder, encoder
from hostile import WORDS
from netron_page import attach, page_missing
from torch import nn

import fxviz
from fxviz import Facts, Flops, Graph, Memory, Parameters, View
from fxviz.exporters.netron_metrics import NetronMetrics
from fxviz.exporters.onnx.view.exporter import Onnx

if TYPE_CHECKING:
    from pathlib import Path


def written(graph: Graph) -> dict[str, Any]:
    found = json.loads(NetronMetrics().export(View.of(graph, show=(Parameters(), Flops(), Memory()))))
    assert found.pop("signature") == "netron:attachment"
    return found


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval()


def test_every_operation_has_its_numbers_under_its_name() -> None:
    graph = encoder(2)
    flops = Facts(graph)[Flops()]
    found = {(entry["kind"], entry["target"], entry["name"]): entry["value"] for entry in written(graph)["metrics"]}
    for node in graph.nodes:
        assert found["node", node.name, "FLOPs"].startswith(f"{flops.at(node)} FLOPs")
    # Two blocks of two 8×8 weights, and 8·8 before and 2·8 after them.
    assert found["model", "", "parameters"] == str(2 * 2 * 64 + 64 + 16)
    assert found["node", "linear", "parameters"].startswith("64")


def test_the_names_of_our_own_onnx_file_are_among_the_targets() -> None:
    import onnx

    graph = encoder(2)
    proto = onnx.load_from_string(Onnx().export(View.of(graph, fold=False)))
    names = {node.name for node in proto.graph.node if node.op_type in ("MatMul", "Gemm", "linear")}
    assert names
    assert names <= {entry["target"] for entry in written(graph)["metrics"]}


def test_what_is_not_known_is_left_out_and_told() -> None:
    build = Builder()
    found = written(build.graph(build.op("strange", build.input("x", 2), kernel="mylib.strange.default")))
    assert not [entry for entry in found["metrics"] if entry["name"] == "FLOPs" and entry["kind"] == "node"]
    assert {"kind": "model", "target": "", "name": "FLOPs not counted", "value": "mylib.strange × 1"} in found[
        "metadata"
    ]


def test_hostile_names_are_cut_as_netron_cuts_them() -> None:
    build = Builder()
    for word in WORDS:
        build.op(word or "x", build.input("x", 2), kernel="aten.relu.default")
    targets = {entry["target"] for entry in written(build.graph())["metrics"]}
    assert {word.partition("\n")[0] for word in WORDS if word} <= targets


def test_a_program_keeps_the_names_that_netron_shows(tmp_path: Path) -> None:
    program = torch.export.export(net(), (torch.empty(3, 4),))
    graph = fxviz.trace(program)
    assert {node.name for node in graph.nodes} <= {node.name for node in program.graph.nodes}


@pytest.mark.zoo
@pytest.mark.filterwarnings("ignore")  # torch.onnx calls functions of torch that are deprecated
@pytest.mark.skipif(bool(page_missing()), reason=page_missing() or "-")
def test_netron_shows_the_numbers_beside_an_onnx_file_of_torch(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="torch.onnx needs onnxscript")
    torch.onnx.export(net(), (torch.empty(3, 4),), tmp_path / "net.onnx", dynamo=True, verbose=False)
    fxviz.export(fxviz.trace(str(tmp_path / "net.onnx")), tmp_path / "net.metrics.json")
    said = attach(tmp_path / "net.onnx", tmp_path / "net.metrics.json", tmp_path / "net.png", "Gemm")["said"]
    assert "METRICS" in said
    assert "40, 69.0 % of all" in said  # 4·8 weights and 8 biases, of 58 with 8·2 and 2
