"""Rooflines: bytes, times and what they wait for, derived by hand; devices of one's own."""

from __future__ import annotations

from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
import sympy
import torch
from build import Builder, encoder
from click.testing import CliRunner
from hypothesis import given, settings
from strategies import B, graphs

import fxviz.cli
from fxviz.analysis.facts import Facts, Metric
from fxviz.analysis.registry import find_analysis
from fxviz.errors import InputError
from fxviz.passes.devices import Device, find_device, read_devices
from fxviz.passes.flops import Flops
from fxviz.passes.roofline import Roofline, RooflineEstimate
from fxviz.passes.traffic import traffic_of
from fxviz.text.quantity import format_quantity
from fxviz.tracing import trace
from fxviz.views.heat import heat_of
from fxviz.views.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.ir import Dim, Graph

# 10 multiply-add FLOPs, 2 others and 4 bytes a second
TINY = Device("tiny", {"vector": 2, "float32": 10, "tf32": 100, "int8": 20}, bandwidth=4, memory=1000)


def estimate(graph: Graph, **options: bool) -> RooflineEstimate:
    return Facts(graph)[Roofline(TINY, **options)]


def small(batch: Dim = 2) -> Graph:
    """A product (B × 8 by 8 × 4), a view of it, and a relu."""
    build = Builder()
    x, w = build.input("x", batch, 8), build.parameter("w", 8, 4)
    y = build.op("mm", x, w, shape=(batch, 4))
    y = build.op("view", y, shape=(batch * 4,), view=True)
    return build.graph(build.op("relu", y))


# Times ----------------------------------------------------------------------------------------------------------------


def test_a_kernel_takes_the_larger_of_its_times() -> None:
    found = estimate(small())
    mm, view, relu = found.graph.nodes
    assert isinstance(found, Metric)
    # reads 2·8 and 8·4, writes 2·4 of 4 bytes: 56 seconds; 2·2·8·4 FLOPs: 12.8
    assert (found.read.at(mm), found.written.at(mm), found.at(mm)) == (192, 32, 56)
    assert (found.read.at(view), found.written.at(view), found.at(view)) == (0, 0, 0)
    # 8 elements in and out: 16 seconds; 8 comparisons: 4
    assert found.at(relu) == 16
    assert found.total == found.at(()) == found.time.total == 72
    assert [found.bound(node) for node in found.graph.nodes] == ["memory", None, "memory"]
    assert found.memory_bound == (mm, relu)
    assert found.intensity(mm) == sympy.Rational(128, 224)
    assert found.intensity(view) is None
    assert found.unknown == {}


def test_where_arithmetic_sets_the_pace() -> None:
    build = Builder()
    y = build.op("mm", build.input("x", 100, 100), build.parameter("w", 100, 100))
    found = estimate(build.graph(y))
    # 2·100³ FLOPs at 10; 3·100² elements of 4 bytes at 4 would be 30,000 seconds
    assert found.total == 200_000
    assert found.bound(found.graph.nodes[0]) == "compute"
    assert found.memory_bound == ()
    assert estimate(found.graph, tf32=True).total == 30_000


def test_each_sort_of_work_has_its_own_units() -> None:
    build = Builder()
    x, w = build.input("x", 64, 64, dtype="int8"), build.parameter("w", 64, 64, dtype="int8")
    y = build.op("mm", x, w, dtype="int32", kernel="aten._int_mm.default")
    found = estimate(build.graph(y))
    assert found.total == sympy.Rational(2 * 64**3, 20)
    half = Builder()
    z = half.op("mm", half.input("x", 64, 64, dtype="float16"), half.parameter("w", 64, 64, dtype="float16"))
    # without a rate of its own, float16 goes at that of float32
    assert estimate(half.graph(z)).total == sympy.Rational(2 * 64**3, 10)


def test_what_is_unknown_takes_the_time_of_its_bytes() -> None:
    build = Builder()
    y = build.op("strange", build.input("x", 8), kernel="mylib.strange.default")
    found = estimate(build.graph(y))
    assert found.total == 16
    assert found.unknown == {"mylib.strange": 1}
    untyped = estimate(trace(torch.nn.Linear(2, 2)))
    assert untyped.at(()) is untyped.intensity(()) is None


def test_times_are_expressions_in_symbols() -> None:
    found = estimate(small(B))
    for batch in (1, 2, 1000):
        assert found.total.subs(B, batch) == estimate(small(batch)).total
    assert [node.name for node in found.memory_bound] == ["mm", "relu"]


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_parts_add_up_and_no_time_beats_the_roof(graph: Graph) -> None:
    found = estimate(graph)
    parts = [amount for node in graph.nodes if (amount := found.at(node)) is not None]
    assert sympy.expand(sum(parts) - found.total) == 0
    ones = {symbol: 1 for part in parts if isinstance(part, sympy.Expr) for symbol in part.free_symbols}
    moved = sympy.sympify(found.read.total + found.written.total).subs(ones)
    assert sympy.sympify(found.total).subs(ones) >= moved / 4


# Bytes ----------------------------------------------------------------------------------------------------------------


def moved(model: object, *args: torch.Tensor) -> list[tuple[Dim, Dim]]:
    """Bytes read and written by each kernel that moves any."""
    graph = trace(model, args)
    traffic = [traffic_of(kernel) for kernel in graph.kernels]
    return [(each.read, each.written) for each in traffic if each and each.total]


def test_a_lookup_reads_the_rows_that_it_takes() -> None:
    table, ids = torch.empty(1000, 8), torch.zeros(5, dtype=torch.int64)
    taken = [(5 * 8 * 4 + 5 * 8, 5 * 8 * 4)]
    assert moved(lambda t, i: torch.nn.functional.embedding(i, t), table, ids) == taken
    assert moved(lambda t, i: t[i], table, ids) == taken
    assert moved(lambda t, i: t.index_select(0, i), table, ids) == taken


def test_what_is_replaced_is_all_that_is_written() -> None:
    cache, ids, new = torch.empty(1000, 8), torch.zeros(5, dtype=torch.int64), torch.empty(5, 8)
    assert moved(lambda c, i, n: c.index_copy_(0, i, n), cache, ids, new) == [(5 * 8 + 160, 160)]
    assert moved(lambda c, i, n: c.index_add_(0, i, n), cache, ids, new) == [(5 * 8 + 2 * 160, 160)]
    assert moved(lambda c, n: c.copy_(n), torch.empty(5, 8), new) == [(160, 160)]
    assert moved(lambda c: c.zero_(), cache) == [(0, 32_000)]
    assert moved(lambda c: c.add_(1), cache) == [(32_000, 32_000)]


def test_views_move_nothing_and_an_expanded_tensor_is_its_element() -> None:
    x = torch.empty(4, 6)
    assert moved(lambda x: x.t().view(2, 12).unsqueeze(0).expand(9, 2, 12)[3:], torch.empty(6, 4).t()) == []
    assert moved(lambda x, y: x + y.expand(4, 6), x, torch.empty(1, 6)) == [(4 * (24 + 6), 4 * 24)]
    assert moved(lambda x: torch.empty_like(x).fill_(1), x) == [(0, 96)]


# Devices --------------------------------------------------------------------------------------------------------------


def test_every_device_cites_its_source_and_is_consistent() -> None:
    from importlib.resources import files

    devices = read_devices(files("fxviz.passes").joinpath("devices.toml").read_text(encoding="utf-8"))
    assert {"a100", "h100", "h200", "l4", "mi300x"} < set(devices)
    for device in devices.values():
        assert device.source
        assert device.memory > 1e10
        rates = [device.rate(dtype) for dtype in ("float64", "float32", "bfloat16", "int8") if device.rate(dtype)]
        assert rates == sorted(rates), device.name
    assert find_device("H100").rate("float8_e4m3fn") == find_device("h100").rate("int8")
    assert find_device("a100").rate("float8_e5m2") == find_device("a100").rate("float16")
    assert find_device("l4").rate("float64") is None


def test_devices_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[box]\nbandwidth = 4\nmemory = 1000\nrates = { vector = 2, float32 = 10 }\n")
    assert Facts(small())[Roofline(str(path))].total == 72
    assert find_device(f"{path}:box").name == "box"
    path.write_text(path.read_text() + path.read_text().replace("box", "Other"))
    assert find_device(f"{path}:other").bandwidth == 4
    with pytest.raises(InputError, match="known are box, other"):
        find_device(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[box", "not valid TOML"),
        ("box = 3", "'box' needs a table"),
        ("[box]\nrates = {vector = 1, float33 = 1}", "did you mean float32"),
        ("[box]\nrates = {vector = 1}", "no rate for float32"),
        (
            "[box]\nbandwidth = 'fast'\nmemory = 1\nrates = {vector = 1, float32 = 1}",
            "box.bandwidth is a positive number",
        ),
    ],
)
def test_what_is_wrong_with_a_device(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_devices(text)


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(InputError, match="unknown device 'h10'; did you mean h100"):
        find_device("h10")
    with pytest.raises(InputError, match=r"cannot read the devices of nowhere\.toml"):
        find_device("nowhere.toml")


# What is shown --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1.5, "1.5 s"),
        (0.0016309, "1.63 ms"),
        (2e-6, "2 µs"),
        (0.99951, "1 s"),
        (3e-13, "0.3 ps"),
        (1500, "1.5 ks"),
    ],
)
def test_seconds_for_reading(seconds: float, text: str) -> None:
    assert format_quantity(seconds, "s") == text
    assert format_quantity(sympy.Rational(Fraction(seconds)), "s") == text


def test_the_summary_of_a_device(tmp_path: Path) -> None:
    graph = encoder(2)
    graph.save(tmp_path / "g.json")
    result = CliRunner().invoke(fxviz.cli.main, ["summary", str(tmp_path / "g.json"), "--roofline", "h100"])
    assert result.exit_code == 0, result.output
    seconds = format_quantity(Facts(graph)[Roofline("h100")].total, "s")
    assert f"Least time   {seconds} on NVIDIA H100 SXM: " in result.output
    assert "time" in result.output.splitlines()[0].lower()
    former = CliRunner().invoke(fxviz.cli.main, ["summary", str(tmp_path / "g.json"), "--device", "h100"])
    assert (former.exit_code, former.output) == (0, result.output)
    wrong = CliRunner().invoke(fxviz.cli.main, ["summary", "nothing.json", "--roofline", "h10"])
    assert "unknown device" in wrong.output


def test_the_flops_are_those_of_the_analysis() -> None:
    facts = Facts(encoder(1))
    assert facts[Roofline()].costs is facts[Flops()].costs


def test_the_rates_of_the_cpu_are_derived() -> None:
    """Cores · cycles a second · (operations a cycle), as Intel's brief on AMX counts them; channels · transfers · bytes."""
    device = find_device("xeon-8480")
    cycles = 56 * 2_000_000_000
    assert device.rate("float32") == cycles * 2 * 2 * 16
    assert device.rate("bfloat16") == cycles * 2 * 16 * 16 * 32 // 16
    assert device.rate("int8") == cycles * 2 * 16 * 16 * 64 // 16
    assert device.bandwidth == 8 * 4_800_000_000 * 8


def test_every_device_cites_what_its_rates_are_from() -> None:
    for device in read_devices(files("fxviz.passes").joinpath("devices.toml").read_text()).values():
        assert len(device.source) > 20
        assert device.rates["float16" if "float16" in device.rates else "bfloat16"] > device.rates["float32"]


# As a number of pictures ----------------------------------------------------------------------------------------------


def test_time_is_a_number_that_pictures_and_tables_have_by_name() -> None:
    """On the default device; fractions of a second are heat and weight like whole numbers are."""
    graph = encoder(3)
    time = Facts(graph)[find_analysis("time")()]
    assert (time.label, time.unit, time.device.name) == ("time", "s", find_device("h100").name)
    view = View.of(graph, color="time", budget=12)
    costliest = max(graph.nodes, key=lambda node: time.at(node) or 0)
    whole = View.of(graph, color="time", fold=False)
    heats = heat_of(whole), heat_of(view)
    assert heats[0] is not None
    assert heats[0].at(costliest) == 1
    assert heats[1] is not None
    assert heats[1].most.endswith("s")
