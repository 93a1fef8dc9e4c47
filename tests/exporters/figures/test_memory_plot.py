"""The picture of a run's memory: its areas are the timeline, its words are the peak's, and it is written whole."""

from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
import torch
from build import encoder
from torch import nn

import fxviz
from fxviz.analysis.facts import Facts
from fxviz.errors import InputError, MissingDependency
from fxviz.exporters.figures.figure import PLOTS
from fxviz.exporters.figures.memory import plot_memory
from fxviz.ir import Graph, Phase
from fxviz.passes.memory import Memory
from fxviz.text.quantity import format_quantity

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"


def training() -> Graph:
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 4))
    return fxviz.trace_training(
        model, torch.empty(8, 16), loss=lambda y: y.square().mean(), optimizer=torch.optim.AdamW
    )


def words(path: Path) -> list[str]:
    return ["".join(text.itertext()) for text in ET.parse(path).iter(f"{SVG}text")]


def test_it_says_what_memory_says(tmp_path: Path) -> None:
    graph = training()
    plot_memory(graph, tmp_path / "memory.svg")
    found, memory = words(tmp_path / "memory.svg"), Facts(graph)[Memory()]
    assert {category.value for category in memory.timeline} <= set(found)
    assert {phase.value for phase in (Phase.FORWARD, Phase.BACKWARD, Phase.OPTIMIZER)} <= set(found)
    assert "Memory of Sequential" in found
    (peak,) = [text for text in found if text.startswith("peak ")]
    assert format_quantity(memory.peak, "B") in peak
    assert memory.peak_node.op in peak
    for scope, nbytes in memory.at_peak_by_scope(1).items():
        assert format_quantity(nbytes, "B") in found
        assert (scope[-1].path if scope else "the model itself") in found


def test_areas_are_as_high_as_the_timeline(tmp_path: Path) -> None:
    """The top edge of the uppermost area has its highest point at the share of the axis that the peak has of its end."""
    graph = training()
    plot_memory(graph, tmp_path / "memory.svg")
    areas = [
        group for group in ET.parse(tmp_path / "memory.svg").iter(f"{SVG}g") if "FillBetween" in group.get("id", "")
    ]
    heights = [
        float(y)
        for group in areas
        for path in group.iter(f"{SVG}path")
        for y in re.findall(r"[ML] \S+ (\S+)", path.get("d", ""))
    ]
    memory = Facts(graph)[Memory()]
    assert len(areas) == len(memory.timeline)
    bottom, top = max(heights), min(heights)  # y grows downwards
    first = memory.held[0] / memory.peak
    assert any(y == pytest.approx(bottom - (bottom - top) * first, abs=0.01) for y in heights)


@pytest.mark.parametrize("suffix", PLOTS)
def test_every_format_twice_the_same(suffix: str, tmp_path: Path) -> None:
    graph = encoder(3)
    for name in ("one", "two"):
        plot_memory(Facts(graph), tmp_path / f"{name}{suffix}", round_to=512)
    one = (tmp_path / f"one{suffix}").read_bytes()
    assert one == (tmp_path / f"two{suffix}").read_bytes()
    assert one.startswith({".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix])
    if suffix == ".png":
        assert struct.unpack(">II", one[16:24]) == (12 * 144, 5 * 144)


def test_long_runs_keep_their_peak_and_their_size_on_disk(tmp_path: Path) -> None:
    graph = encoder(400, width=8)
    plot_memory(graph, tmp_path / "memory.svg")
    assert f"peak {format_quantity(Facts(graph)[Memory()].peak, 'B')}" in " ".join(words(tmp_path / "memory.svg"))
    assert (tmp_path / "memory.svg").stat().st_size < 500_000


def test_deeper_modules_on_request(tmp_path: Path) -> None:
    plot_memory(encoder(3), tmp_path / "memory.svg", depth=1)
    assert "layers" in words(tmp_path / "memory.svg")
    assert "layers.0" not in words(tmp_path / "memory.svg")


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = encoder(1)
    with pytest.raises(InputError, match=r"ends in \.svg, \.png, \.pdf"):
        plot_memory(graph, tmp_path / "memory.gif")
    with pytest.raises(InputError, match="trace it with inputs"):
        plot_memory(fxviz.trace(nn.Linear(2, 2), mode="symbolic"), tmp_path / "memory.svg")
    symbolic = fxviz.trace(nn.Linear(2, 2), torch.empty(3, 2), dynamic_shapes=({0: torch.export.Dim("B")},))
    with pytest.raises(InputError, match=r"is a formula in B: give sizes=\{'B': 8\}"):
        plot_memory(symbolic, tmp_path / "memory.svg")
    with pytest.raises(InputError, match="'S' is not a symbol"):
        plot_memory(symbolic, tmp_path / "memory.svg", sizes={"B": 3, "S": 2})
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"pip install 'fxviz\[plot\]'"):
        plot_memory(graph, tmp_path / "memory.svg")
    assert not list(tmp_path.iterdir())


def test_symbolic_sizes_are_drawn_at_sizes(tmp_path: Path) -> None:
    """As the graph that is traced at these sizes."""
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 4))
    symbolic = fxviz.trace(model, torch.empty(3, 16), dynamic_shapes=({0: "B"},))
    plot_memory(symbolic, tmp_path / "symbolic.svg", sizes={"B": 8})
    plot_memory(fxviz.trace(model, torch.empty(8, 16)), tmp_path / "static.svg")
    assert (tmp_path / "symbolic.svg").read_bytes() == (tmp_path / "static.svg").read_bytes()
