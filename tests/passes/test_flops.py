"""FLOPs of whole graphs: against hand derivations, torch's own counter and what torchvision publishes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sympy
import torch
from build import Builder, encoder
from hypothesis import given, settings
from strategies import graphs
from torch import nn
from torch.export import Dim
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it
from torch.utils.flop_counter import FlopCounterMode
from work import lines_run
from zoo import ZOO

import fxviz.models
from fxviz.analysis.facts import Facts, Metric
from fxviz.errors import InputError
from fxviz.output.report import report_lines
from fxviz.passes.flops import Cost, FlopCounts, Flops, flops_rules
from fxviz.passes.operators import FREE_OPS
from fxviz.tracing import trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph, Kernel


def count(graph: Graph) -> FlopCounts:
    return Facts(graph)[Flops()]


# Against derivations by hand ------------------------------------------------------------------------------------------

NEED_TRANSFORMERS = {"mixture_of_experts"}
# RNN.cpp warns that oneDNN has no projections; the native kernels that it falls back to are the point.
ALLOWED = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


@ALLOWED
@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("grad", [False, True], ids=["no_grad", "grad"])
def test_a_model_costs_what_its_derivation_says(name: str, grad: bool) -> None:
    if name in NEED_TRANSFORMERS:
        pytest.importorskip("transformers")
    example = ZOO[name]()
    with torch.set_grad_enabled(grad):
        counts = count(trace(example.model, example.args, dict(example.kwargs)))
    assert counts.matrix.total == example.matrix
    assert counts.macs * 2 == example.matrix
    if example.pointwise is not None:
        assert counts.pointwise.total == example.pointwise
    assert counts.unknown == {}
    assert counts.coverage == 1.0


# Against torch and torchvision ----------------------------------------------------------------------------------------


def torch_says(model: nn.Module, *args: torch.Tensor) -> int:
    """Exact on the meta device, where attention runs as plain matrix products."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*args)
    total: int = counter.get_total_flops()
    return total


@pytest.mark.parametrize(
    "name", ["resnet50", "vit_b_16", "swin_t", "convnext_tiny", "efficientnet_b0", "shufflenet_v2_x0_5"]
)
def test_the_matrix_column_is_torchs_own_count(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        model, x = torchvision.models.get_model(name).eval(), torch.empty(1, 3, 224, 224)
    counts = count(trace(model, (x,)))
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        assert counts.matrix.total == torch_says(model, x)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert counts.unknown == {}


def test_vit_costs_35_gigaflops() -> None:
    # 16·16·3·768 for each of 196 patches; 12 layers over 197 tokens: 24·768² a token and 4·197²·768; the head 2·768·1000
    derived = 2 * 16 * 16 * 3 * 768 * 196 + 12 * (197 * 24 * 768**2 + 4 * 197**2 * 768) + 2 * 768 * 1000
    pytest.importorskip("torchvision")
    assert count(fxviz.models.trace("torchvision:vit_b_16")).matrix.total == derived == 35_127_656_448


# What is unknown ------------------------------------------------------------------------------------------------------


def made_up(kernel: str = "mylib.twist.default") -> Graph:
    """x → relu → twist → add_, of 2 × 8 elements; nobody has a rule for twist."""
    build = Builder()
    x = build.input("x", 2, 8)
    with build.module("block", "Block"):
        h = build.op("relu", x)
        h = build.op("twist", h, kernel=kernel)
    return build.graph(build.op("add_", h, x))


def test_an_operator_without_a_rule_is_unknown_and_not_zero() -> None:
    counts = count(made_up())
    relu, twist, add = counts.graph.nodes
    assert counts.unknown == {"mylib.twist": 1}
    assert counts.coverage == pytest.approx(2 / 3)
    assert counts.at(twist) is None
    assert counts.matrix.unknown == counts.pointwise.unknown == counts.unknown
    assert counts.at(relu) == counts.at(add) == 16  # add_ computes what add does
    assert counts.at(relu, twist) == 16
    assert counts.total == 32


def test_a_node_with_one_unknown_kernel_has_the_rest() -> None:
    build = Builder()
    x = build.input("x", 2, 8)
    with build.node("block", x) as node:
        h = node.kernel("mylib.twist.default", x)
        h = node.kernel("aten.relu.default", h, returned=True)
    counts = count(build.graph(h))
    assert counts.at(counts.graph.nodes[0]) == 16
    assert counts.unknown == {"mylib.twist": 1}


def test_without_shapes_nothing_is_known() -> None:
    graph = trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    counts = count(graph)
    assert set(counts.unknown) == {node.op for node in graph.nodes}
    assert sum(counts.unknown.values()) == len(graph.nodes) == 2
    assert counts.coverage == 0.0
    assert counts.at(()) is None
    assert [counts.at(node) for node in graph.nodes] == [None, None]


def test_a_node_that_passes_its_input_on_is_free_and_known() -> None:
    counts = count(trace(nn.Dropout().eval(), (torch.rand(3),)))
    assert [counts.at(node) for node in counts.graph.nodes] == [0]
    assert counts.unknown == {}
    assert counts.coverage == 1.0


def test_an_empty_graph_costs_nothing() -> None:
    build = Builder()
    counts = count(build.graph(build.input("x", 2)))
    assert (counts.total, counts.at(()), counts.coverage) == (0, 0, 1.0)


def test_a_failing_rule_says_where() -> None:
    def refuses(kernel: Kernel) -> Cost:
        raise ValueError("too twisted")

    with pytest.raises(ValueError, match="too twisted") as caught:
        Facts(made_up())[Flops(flops_rules | {"mylib.twist": refuses})]
    assert caught.value.__notes__ == ["while counting the FLOPs of mylib.twist.default in node 'twist'"]


# Rules ----------------------------------------------------------------------------------------------------------------


def test_a_rule_of_ones_own() -> None:
    mine = flops_rules | {}

    @mine("mylib.twist")
    def _twist(kernel: Kernel) -> Cost:
        return Cost(matrix=1000)

    counts = Facts(made_up())[Flops(mine)]
    assert counts.matrix.total == 1000
    assert counts.total == 1032
    assert counts.unknown == {}
    assert "mylib.twist" not in flops_rules


def test_every_pointwise_operator_of_torch_has_a_rule() -> None:
    missing = [
        name
        for name in _aten_operators(lambda overload: torch.Tag.pointwise in overload.tags)
        if f"aten.{name}" not in flops_rules and f"aten.{name.removesuffix('_')}" not in flops_rules
    ]
    assert missing == []


def test_no_free_operator_is_a_pointwise_one_or_a_reduction() -> None:
    works = {torch.Tag.pointwise, torch.Tag.reduction} if hasattr(torch.Tag, "reduction") else {torch.Tag.pointwise}
    computing = {f"aten.{name}" for name in _aten_operators(lambda overload: works & set(overload.tags))}
    assert FREE_OPS & computing == {"aten.clone", "aten.positive"}  # both tagged pointwise; a copy and an alias


def _aten_operators(keep: Callable[[torch._ops.OpOverload], object]) -> list[str]:
    """The operators of this torch that take and give tensors and have an overload to keep."""
    names = {
        schema.name.removeprefix("aten::") for schema in torch._C._jit_get_all_schemas() if "aten::" in schema.name
    }
    packets = {name: getattr(torch.ops.aten, name, None) for name in sorted(names)}
    return [
        name
        for name, packet in packets.items()
        if isinstance(packet, torch._ops.OpOverloadPacket)
        and any(
            keep(overload)
            for overload in (getattr(packet, overload) for overload in packet.overloads())
            if "Tensor" in str(overload._schema).rpartition("->")[2]
        )
    ]


# The result -----------------------------------------------------------------------------------------------------------


def test_it_is_a_metric_of_both_columns() -> None:
    counts = count(encoder(3, width=8, batch=2))
    assert isinstance(counts, Metric)
    assert (counts.label, counts.unit) == (counts.matrix.label, counts.matrix.unit) == ("FLOPs", "FLOPs")
    # 3·2 + 1 linears of 2·2·8·8 and the head of 2·2·8·2; 3 gelus of 5·16, 3 additions of 16
    assert counts.matrix.total == 7 * 256 + 64
    assert counts.pointwise.total == 3 * (80 + 16)
    assert counts.total == counts.at(()) == 7 * 256 + 64 + 288
    assert counts.by_op() == {"linear": 7 * 256 + 64, "gelu": 240, "add": 48}
    assert counts.by_kernel() == {"aten.linear": Cost(1856), "aten.gelu": Cost(0, 240), "aten.add": Cost(0, 48)}
    assert sum(counts.by_scope(1).values()) == counts.total


def test_the_costliest_come_first() -> None:
    counts = count(encoder(3, width=8, batch=2))
    first, *_ = counts.graph.nodes
    # 2·2·8·8 for each linear, in order of execution; layers of 2 linears, gelu and add follow
    assert list(counts.top(2).items()) == [(first, 256), (counts.graph.nodes[1], 256)]
    assert list(counts.top(2, depth=1).values()) == [3 * (2 * 256 + 5 * 16 + 16), 256]
    assert [scope[-1].path for scope in counts.top(2, depth=1)] == ["layers", "embed"]
    assert list(counts.matrix.top(1, depth=0).items()) == [((), counts.matrix.total)]
    assert counts.top(0) == {}
    with pytest.raises(InputError, match="from 0, not -1"):
        counts.top(-1)


def test_the_costliest_for_large_sizes_come_first() -> None:
    B = sympy.Symbol("B", integer=True, positive=True)  # noqa: N806
    counts = count(encoder(1, width=8, batch=B))
    assert list(counts.top(1).values()) == [2 * 64 * B]


# Integers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["aten._int_mm.default", "aten.mm.default", "aten.matmul.default"])
def test_a_product_of_integers_is_no_flops(op: str) -> None:
    build = Builder()
    x, w = build.input("x", 2, 8, dtype="int8"), build.parameter("w", 8, 4, dtype="int8")
    y = build.op("mm", x, w, shape=(2, 4), dtype="int32", kernel=op)
    z = build.op("mul", y, build.input("scale", 2, 4), dtype="float32")
    counts = count(build.graph(z))
    assert counts.ops.total == 2 * 2 * 4 * 8
    assert (counts.ops.unit, counts.ops.label) == ("OPs", "integer OPs")
    assert counts.matrix.total == counts.macs == 0
    assert counts.total == counts.pointwise.total == 8
    [line] = [line for line in report_lines(Facts(counts.graph)) if line.startswith("Integer OPs")]
    assert line.endswith("128 OPs of integer matrix work, not among the FLOPs")


def test_a_weight_that_is_turned_back_is_multiplied_in_floating_point() -> None:
    build = Builder()
    x, w = build.input("x", 2, 8), build.parameter("w", 4, 8, dtype="int8")
    y = build.op("linear", x, w, shape=(2, 4), kernel="aten._weight_int8pack_mm.default")
    counts = count(build.graph(y))
    assert (counts.matrix.total, counts.ops.total) == (128, 0)


def test_torch_says_that_a_product_is_of_integers() -> None:
    def quantised(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch._int_mm(x, w) * 0.1

    counts = count(trace(quantised, (torch.ones(32, 16, dtype=torch.int8), torch.ones(16, 24, dtype=torch.int8))))
    assert (counts.matrix.total, counts.ops.total) == (0, 2 * 32 * 24 * 16)


# Causal attention -----------------------------------------------------------------------------------------------------


def attends(queries: int, keys: int, *, causal: bool) -> FlopCounts:
    def model(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, k, is_causal=causal)

    graph = trace(model, (torch.empty(2, 3, queries, 8), torch.empty(2, 3, keys, 8)))
    return Facts(graph)[Flops(causal="exact")]


@pytest.mark.parametrize(("queries", "keys"), [(7, 7), (4, 9), (9, 4), (1, 5)])
def test_the_exact_count_is_that_of_the_mask(queries: int, keys: int) -> None:
    kept = int(
        torch.ones(queries, keys, dtype=torch.bool).tril().sum()
    )  # as F.scaled_dot_product_attention documents it
    assert attends(queries, keys, causal=True).matrix.total == 2 * 3 * kept * 4 * 8
    assert attends(queries, keys, causal=False).matrix.total == 2 * 3 * queries * keys * 4 * 8


def test_the_exact_count_in_symbols() -> None:
    def model(q: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(q, q, q, is_causal=True)

    graph = trace(model, (torch.empty(2, 3, 16, 8),), dynamic_shapes=({2: Dim("S")},))
    (S,) = graph.symbols  # noqa: N806
    facts = Facts(graph)
    assert sympy.expand(facts[Flops(causal="exact")].matrix.total - 2 * 3 * S * (S + 1) / 2 * 4 * 8) == 0
    assert facts[Flops()].matrix.total == 2 * 3 * S**2 * 4 * 8


def test_a_rule_of_ones_own_is_exact_enough() -> None:
    graph = attends(4, 4, causal=True).graph
    [op] = {kernel.op for kernel in graph.kernels if "attention" in kernel.op}
    mine = flops_rules | {op: lambda kernel: Cost(matrix=5)}
    assert Facts(graph)[Flops(mine, causal="exact")].matrix.total == 5
    with pytest.raises(InputError, match='"dense" or "exact", not \'half\''):
        Flops(causal="half")  # type: ignore[arg-type]


def test_equal_questions_share_one_answer() -> None:
    facts = Facts(encoder(1))
    assert facts[Flops()] is facts[Flops()]
    assert facts[Flops()] is not facts[Flops(flops_rules)]


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_sums_agree(graph: Graph) -> None:
    counts = count(graph)
    whole = sympy.sympify(counts.matrix.total) + counts.pointwise.total
    assert sympy.expand(whole - counts.total) == 0
    by_kernel = sum((cost.total for cost in counts.by_kernel().values()), start=sympy.Integer(0))
    assert sympy.expand(by_kernel - counts.total) == 0
    assert 0 <= counts.coverage <= 1
    assert (counts.coverage == 1) == (not counts.unknown)


# Symbols --------------------------------------------------------------------------------------------------------------


class Hybrid(nn.Module):
    """A convolution, attention, a norm, pooling and a linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(4, 16, 3, padding=1, stride=2)
        self.attention = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.attention(self.stem(x).transpose(1, 2))
        return self.head(h.sort(dim=1).values.mean(1)).softmax(-1)


def test_symbolic_counts_at_given_sizes_are_the_counts_of_a_fresh_trace() -> None:
    model = Hybrid().eval()
    shapes = ({0: Dim("B"), 2: Dim("S", max=4096)},)
    symbolic = count(trace(model, (torch.rand(3, 4, 20),), dynamic_shapes=shapes))
    symbols = {symbol.name: symbol for symbol in symbolic.graph.symbols}
    assert set(symbols) == {"B", "S"}
    for batch, length in ((2, 10), (5, 33), (3, 20)):
        sizes = {symbols["B"]: batch, symbols["S"]: length}
        fresh = count(trace(model, (torch.rand(batch, 4, length),)))
        assert symbolic.matrix.total.subs(sizes) == fresh.matrix.total
        assert symbolic.pointwise.total.subs(sizes) == fresh.pointwise.total
        assert symbolic.macs.subs(sizes) == fresh.macs


# Speed ----------------------------------------------------------------------------------------------------------------


def test_a_kernel_is_a_fixed_amount_of_work() -> None:
    """Ten times the kernels are at most ten times the lines that run, and few for each."""
    base = encoder(75, batch=2)  # 4 operations in a layer
    nodes = tuple(
        replace(node, name=f"{node.name}_{copy}", kernels=tuple(replace(kernel) for kernel in node.kernels))
        for copy in range(10)
        for node in base.nodes
    )
    graph = replace(base, nodes=nodes)
    once, ten_times = lines_run(lambda: count(base).total), lines_run(lambda: count(graph).total)
    assert ten_times < 10.5 * once
    assert ten_times < 150 * len(graph.kernels)
