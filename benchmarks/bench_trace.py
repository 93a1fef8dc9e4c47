"""Seconds of each step from a model to a picture: ``pytest benchmarks/bench_trace.py`` (about a minute; pytest-benchmark).

``--benchmark-save=NAME`` keeps a run, ``--benchmark-compare`` sets the next one beside it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
from workloads import WORKLOADS, build

import fxviz
from fxviz import Facts, Flops, Graph, Memory, Parameters, View
from fxviz.exporters.drawing.dot import Dot
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.exporters.onnx.view.exporter import Onnx

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=3, max_time=0.5, warmup=False)

SHOW = (Parameters(), Flops(), Memory())


@pytest.fixture(scope="module", params=WORKLOADS)
def workload(request: pytest.FixtureRequest) -> tuple[torch.nn.Module, dict[str, Any]]:
    return build(request.param)


@pytest.fixture(scope="module")
def graph(workload: tuple[torch.nn.Module, dict[str, Any]]) -> Graph:
    model, inputs = workload
    return fxviz.trace(model, kwargs=inputs)


def test_forward_on_meta(benchmark: Callable[..., Any], workload: tuple[torch.nn.Module, dict[str, Any]]) -> None:
    model, inputs = workload
    with torch.no_grad():
        benchmark(model, **inputs)


def test_trace(benchmark: Callable[..., Any], workload: tuple[torch.nn.Module, dict[str, Any]]) -> None:
    model, inputs = workload
    benchmark(fxviz.trace, model, kwargs=inputs)


@pytest.mark.parametrize("analysis", [Flops(), Memory(), Parameters()], ids=lambda analysis: type(analysis).__name__)
def test_analysis(benchmark: Callable[..., Any], graph: Graph, analysis: Any) -> None:
    benchmark(lambda: Facts(graph)[analysis].at(()))


def test_view(benchmark: Callable[..., Any], graph: Graph) -> None:
    benchmark(lambda: View.of(graph, show=SHOW))


@pytest.mark.parametrize("exporter", [Dot(), Mermaid(), Onnx()], ids=lambda exporter: type(exporter).__name__)
def test_export(benchmark: Callable[..., Any], graph: Graph, exporter: Any) -> None:
    benchmark(exporter.export, View.of(graph, depth=1, show=SHOW))


def test_save(benchmark: Callable[..., Any], graph: Graph, tmp_path: Any) -> None:
    benchmark(graph.save, tmp_path / "graph.json")
