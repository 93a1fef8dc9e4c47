"""FLOPs of backward passes and optimiser steps: against torch's own counter, hand derivations, and for unknown operators."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it
from torch.utils import flop_counter
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from fxviz.analysis.facts import Facts, evaluate
from fxviz.ir import Attribute, Kernel, Phase, TensorType, Value
from fxviz.passes.flops import Flops, causal_rules, flops_rules
from fxviz.passes.memory import Memory
from fxviz.passes.rules.cost import FREE, Cost
from fxviz.tracing import trace_training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fxviz.analysis.rules import RuleTable
    from fxviz.passes.flops import FlopRule

aten = torch.ops.aten


# What runs ------------------------------------------------------------------------------------------------------------


class Kernels(TorchDispatchMode):
    """The operators that run, as the tracer writes them down."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Kernel] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        schema = func._schema
        inputs, attributes = {}, {}
        for argument, given in (
            *zip(schema.arguments, args, strict=False),
            *((argument, kwargs[argument.name]) for argument in schema.arguments if argument.name in (kwargs or {})),
        ):
            if isinstance(given, torch.Tensor):
                inputs[argument.name] = value(given)
            elif isinstance(given, list | tuple) and any(isinstance(part, torch.Tensor) for part in given):
                inputs |= {
                    f"{argument.name}.{i}": value(part)
                    for i, part in enumerate(given)
                    if isinstance(part, torch.Tensor)
                }
            else:
                attributes[argument.name] = tuple(given) if isinstance(given, list) else given
        written = [part for name, part in inputs.items() if is_written(schema, name.partition(".")[0])]
        made = [value(part) for part in tree_leaves(result) if isinstance(part, torch.Tensor)]
        op = f"{func.namespace}.{schema.name.rpartition('::')[2]}.{func._overloadname}"
        self.found.append(Kernel(op, tuple(inputs.values()), tuple(written or made), tuple(inputs), attributes))
        return result

    def cost(self) -> Cost:
        return sum((cost for kernel in self.found if (cost := cost_of(kernel))), FREE)

    def unknown(self) -> set[str]:
        return {kernel.op for kernel in self.found if cost_of(kernel) is None}


def is_written(schema: Any, name: str) -> bool:
    argument = next(argument for argument in schema.arguments if argument.name == name)
    return argument.alias_info is not None and argument.alias_info.is_write


def value(tensor: torch.Tensor) -> Value:
    return Value("", TensorType(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")))


def cost_of(kernel: Kernel) -> Cost | None:
    rule = flops_rules.find_kernel(kernel.op)
    return rule and rule(kernel)


@contextmanager
def plain_encoders() -> Iterator[None]:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


# Against torch's own counter ------------------------------------------------------------------------------------------


def torch_of_groups(
    gradient: Any, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, *rest: Any,
    out_val: Any = None, **kwargs: Any,
) -> int:  # fmt: skip
    """Torch's formula for each group alone: for all together it says that every channel meets every other."""
    _, groups, mask = rest
    formula = flop_counter.flop_registry[aten.convolution_backward]

    def part(tensor: torch.Tensor, axis: int) -> torch.Tensor:
        return tensor.narrow(axis, 0, tensor.shape[axis] // groups)

    outs = [None if out is None else part(out, axis) for out, axis in zip(out_val, (1, 0, 0), strict=True)]
    alone = formula(
        part(gradient, 1), part(x, 1), part(weight, 0), bias, stride, padding, dilation, transposed, None, 1, mask,
        out_val=outs,
    )  # fmt: skip
    return groups * int(alone)


torch_of_groups._get_raw = True  # type: ignore[attr-defined]  # tensors, not their shapes


def torch_says(run: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False, custom_mapping={aten.convolution_backward: torch_of_groups}) as counter:
        run()
    return int(counter.get_total_flops())


def torchvision_model(name: str) -> tuple[nn.Module, torch.Tensor]:
    models = pytest.importorskip("torchvision").models
    return models.get_model(name).train(), torch.empty(2, 3, 224, 224)


def timm_model(name: str) -> tuple[nn.Module, torch.Tensor]:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name).train()
    return model, torch.empty(2, *model.default_cfg["input_size"])


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (torchvision_model, "resnet18"),
        (torchvision_model, "convnext_tiny"),
        (torchvision_model, "shufflenet_v2_x0_5"),
        (timm_model, "mobilenetv3_small_050"),
        (timm_model, "resmlp_12_224"),
        (timm_model, "poolformer_s12"),
    ],
)
def test_the_matrix_column_is_torchs_own_count(
    build: Callable[[str], tuple[nn.Module, torch.Tensor]], name: str
) -> None:
    with torch.device("meta"), plain_encoders():
        model, x = build(name)
        counts = Facts(trace_training(model, (x,), loss=lambda y: y.sum()))[Flops()]
        assert counts.unknown == {}
        assert counts.matrix.total == torch_says(lambda: model(x).sum().backward())


def test_fused_attention_is_plain_attention_and_its_scores_again() -> None:
    with torch.device("meta"), plain_encoders():
        model, x = torchvision_model("vit_b_16")
        counts = Facts(trace_training(model, (x,), loss=lambda y: y.sum()))[Flops()]
        scores = 12 * 2 * 12 * 197**2  # layers, batch, heads, 196 patches and the class
        assert counts.unknown == {}
        # as a fake CPU tensor it attends in one kernel, on the meta device in plain products
        assert counts.matrix.total == torch_says(lambda: model(x).sum().backward()) + 2 * scores * 64


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_convolution_costs_as_much_for_its_input_and_for_its_weight(rank: int, groups: int, transposed: bool) -> None:
    kind = getattr(nn, f"Conv{'Transpose' * transposed}{rank}d")
    with torch.device("meta"):
        model, x = kind(4, 6, 3, stride=2, groups=groups), torch.empty(2, 4, *(9,) * rank, requires_grad=True)
        with Kernels() as forward:
            y = model(x)
        with Kernels() as kernels:
            y.backward(torch.empty_like(y))
        alone = torch_says(lambda: model(x).sum().backward()) - forward.cost().matrix
    assert kernels.cost().matrix == 2 * forward.cost().matrix == alone
    # the bias adds up the gradient of the output
    assert kernels.cost().pointwise == y.numel()


def test_what_is_not_asked_for_is_not_counted() -> None:
    with torch.device("meta"):
        model, x = nn.Conv2d(4, 6, 3), torch.empty(2, 4, 9, 9)
        model.weight.requires_grad_(False)
        with Kernels() as forward:
            y = model(x)
        with Kernels() as kernels:
            y.backward(torch.empty_like(y))
    assert kernels.cost() == Cost(0, 2 * 6 * 7 * 7)
    assert forward.cost().matrix == 2 * 2 * 6 * 7 * 7 * 4 * 9


# Attention in its fused forms -----------------------------------------------------------------------------------------

B, H, L, S, E, V = 2, 4, 6, 9, 8, 16
SCORES = B * H * L * S


def attention(
    op: str,
    order: str = "bhle",
    extra: Mapping[str, tuple[int, ...]] = {},
    rules: RuleTable[FlopRule] = flops_rules,
    **attributes: Attribute,
) -> Cost:
    shapes = {"grad_out": (B, H, L, V), "query": (B, H, L, E), "key": (B, H, S, E), "value": (B, H, S, V), **extra}
    if order == "blhe":
        shapes |= {name: (b, length, h, e) for name, (b, h, length, e) in list(shapes.items())[:4]}
    inputs = {name: Value(name, TensorType(shape, "float32")) for name, shape in shapes.items()}
    kernel = Kernel(op, tuple(inputs.values()), (inputs["query"],), tuple(inputs), attributes)
    rule = rules.find(op)
    assert rule
    cost = rule(kernel)
    assert cost
    return cost


@pytest.mark.parametrize(
    ("op", "order"),
    [
        ("aten._scaled_dot_product_flash_attention_backward.default", "bhle"),
        ("aten._scaled_dot_product_flash_attention_for_cpu_backward.default", "bhle"),
        ("aten._scaled_dot_product_efficient_attention_backward.default", "bhle"),
        ("aten._scaled_dot_product_cudnn_attention_backward.default", "bhle"),
        ("aten._flash_attention_backward.default", "blhe"),
        ("aten._efficient_attention_backward.default", "blhe"),
    ],
)
def test_fused_attention_makes_its_scores_again(op: str, order: str) -> None:
    cost = attention(op, order)
    assert cost.matrix == flop_counter.sdpa_backward_flop_count((B, H, L, V), (B, H, L, E), (B, H, S, E), (B, H, S, V))
    # scale, − L, exp, dP − D, P ·, scale for each score; D = Σ dO · O
    assert cost.pointwise == 6 * SCORES + 2 * B * H * L * V


def test_a_mask_is_one_more_for_each_score() -> None:
    op = "aten._scaled_dot_product_flash_attention_for_cpu_backward.default"
    plain, causal, masked = attention(op), attention(op, is_causal=True), attention(op, extra={"attn_mask": (L, S)})
    assert causal == masked == plain + Cost(pointwise=SCORES)


def test_the_exact_count_of_a_causal_mask_holds_backward() -> None:
    kernel_op = "aten._flash_attention_backward.default"
    rules = {
        "dense": attention(kernel_op, "blhe", is_causal=True),
        "exact": attention(kernel_op, "blhe", rules=causal_rules, is_causal=True),
    }
    # of these kernels the last query meets the last key: the mask is the lower triangle from the end
    kept = int(torch.ones(L, S).tril(diagonal=S - L).sum())
    assert rules["exact"].matrix * L * S == rules["dense"].matrix * kept


def test_packed_sequences_meet_the_longest() -> None:
    extra = {"cum_seq_q": (B + 1,), "cum_seq_k": (B + 1,)}
    shapes = {"grad_out": (B * L, H, V), "query": (B * L, H, E), "key": (B * S, H, E), "value": (B * S, H, V)}
    cost = attention("aten._flash_attention_backward.default", extra=shapes | extra, max_q=L, max_k=S)
    assert cost.matrix == 2 * SCORES * (3 * E + 2 * V)


def test_flex_attention_has_its_gradient_after_what_it_attended() -> None:
    order = {"query": (B, H, L, E), "key": (B, H, S, E), "value": (B, H, S, V), "out": (B, H, L, V)}
    inputs = [Value(name, TensorType(shape, "float32")) for name, shape in order.items()]
    cost = cost_of(Kernel("flex_attention_backward", tuple(inputs), (inputs[0],), ("arg0", "arg1", "arg2", "arg3")))
    assert cost is not None
    assert cost.matrix == 2 * SCORES * (3 * E + 2 * V)


# Layers that are one kernel -------------------------------------------------------------------------------------------


def gradient_cost(function: Callable[..., torch.Tensor], *inputs: torch.Tensor) -> Cost:
    """Of the backward pass alone."""
    y = function(*(part.requires_grad_(part.is_floating_point()) for part in inputs))
    with Kernels() as kernels:
        y.backward(torch.empty_like(y))
    assert kernels.unknown() == set()
    return kernels.cost()


N = 3 * 5 * 8
x = (3, 5, 8)


@pytest.mark.parametrize(
    ("function", "flops"),
    [
        (F.relu, 1),
        (F.gelu, 11),
        (lambda t: F.gelu(t, approximate="tanh"), 18),
        (F.silu, 6),
        (torch.sigmoid, 3),
        (torch.tanh, 3),
        (F.elu, 4),
        (F.hardswish, 5),
        (F.hardsigmoid, 3),
        (F.relu6, 2),
        (F.leaky_relu, 2),
        (F.softplus, 6),
        (F.logsigmoid, 6),
        (lambda t: F.softmax(t, -1), 4),
        (lambda t: F.log_softmax(t, -1), 4),
        (lambda t: F.glu(t, -1), 3),
        (lambda t: F.layer_norm(t, (8,)), 9),
        (lambda t: F.batch_norm(t, None, None, training=True), 9),
        (lambda t: F.avg_pool2d(t, 1), 2),
        (lambda t: F.pad(t, (1, 1), mode="reflect"), 10 / 8),
    ],
)
def test_an_element_costs_the_primitives_of_its_derivative(function: Any, flops: float) -> None:
    with torch.device("meta"):
        assert gradient_cost(function, torch.empty(x)) == Cost(pointwise=round(flops * N))


def test_norms_with_a_weight_and_a_bias() -> None:
    with torch.device("meta"):
        t, w, b = torch.empty(x), torch.empty(8), torch.empty(8)
        # dx̂ = dy · w: 1; dw = Σ dy · x̂: 2; db = Σ dy: 1
        assert gradient_cost(lambda t, w, b: F.layer_norm(t, (8,), w, b), t, w, b).pointwise == (9 + 1 + 2 + 1) * N
        rms = gradient_cost(lambda t, w: F.rms_norm(t, (8,), w), torch.empty(x), torch.empty(8))
        assert rms.pointwise >= (6 + 1 + 2) * N


def test_pools_and_resampling_hand_back_what_they_took() -> None:
    with torch.device("meta"):

        def image() -> torch.Tensor:
            return torch.empty(1, 4, 8, 8)

        assert gradient_cost(lambda t: F.max_pool2d(t, 2), image()).pointwise == 4 * 4 * 4
        assert gradient_cost(lambda t: F.avg_pool2d(t, 2), image()).pointwise == (4 + 1) * 4 * 4 * 4
        assert gradient_cost(lambda t: F.adaptive_avg_pool2d(t, 2), image()).pointwise == (16 + 1) * 4 * 2 * 2
        bilinear = gradient_cost(lambda t: F.interpolate(t, scale_factor=2, mode="bilinear"), image())
        assert bilinear.pointwise == 2 * 4 * 4 * 16 * 16
        assert gradient_cost(lambda t: F.interpolate(t, scale_factor=2), image()).pointwise == 4 * 16 * 16


def test_losses() -> None:
    y, target = torch.rand(6, 10), torch.randint(10, (6,))
    # −dy for each target, then 4 for each element of the log-softmax
    assert gradient_cost(lambda t: F.cross_entropy(t, target), y).pointwise == 6 + 4 * 60
    assert gradient_cost(lambda t: F.mse_loss(t, torch.rand(6, 10)), torch.rand(6, 10)).pointwise == 3 * 60
    assert gradient_cost(lambda t: F.smooth_l1_loss(t, torch.rand(6, 10)), torch.rand(6, 10)).pointwise == 5 * 60
    assert gradient_cost(lambda t: F.binary_cross_entropy(t, torch.rand(6, 10)), torch.rand(6, 10)).pointwise == 5 * 60


def test_an_embedding_adds_each_row_to_its_place() -> None:
    ids = torch.zeros(2, 7, dtype=torch.int64)
    assert gradient_cost(lambda w: F.embedding(ids, w), torch.rand(10, 6)).pointwise == 2 * 7 * 6
    assert gradient_cost(lambda w: F.embedding_bag(ids, w, mode="sum"), torch.rand(10, 6)).pointwise == 2 * 7 * 6
    assert gradient_cost(lambda w: F.embedding_bag(ids, w, mode="mean"), torch.rand(10, 6)).pointwise == 2 * 2 * 7 * 6


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_meets_every_weight_twice(kind: type[nn.Module]) -> None:
    model, sequence = kind(5, 8, num_layers=2), torch.rand(7, 3, 5, requires_grad=True)
    state = torch.rand(2, 3, 8, requires_grad=True)  # else the first step has no gradient to hand back
    with Kernels() as forward:
        y, _ = model(sequence, (state, state) if kind is nn.LSTM else state)
    with Kernels() as kernels:
        y.sum().backward()
    assert kernels.unknown() == set()
    assert kernels.cost().matrix == 2 * forward.cost().matrix


def test_a_bilinear_layer_costs_its_contractions() -> None:
    n, i, j, o = 3, 4, 5, 6
    model = nn.Bilinear(i, j, o, bias=False)
    cost = gradient_cost(lambda a, b: model(a, b), torch.rand(n, i), torch.rand(n, j))
    # dx₁: dy with x₂ has nothing to sum (n·o·j), then o and j with W; each product with W meets n·o·i·j
    assert cost.matrix % (2 * n) == 0
    assert cost.matrix >= 3 * 2 * n * o * i * j


# Optimisers -----------------------------------------------------------------------------------------------------------


OPTIMISERS = [
    *(
        "SGD",
        "Adam",
        "AdamW",
        "Adagrad",
        "Adadelta",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "ASGD",
        "Adafactor",
    ),
    "Muon",
]


class Weights(nn.Module):
    """Two matrices, of 24 and 18 elements."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.rand(4, 6)), nn.Parameter(torch.rand(6, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.first @ self.second


ELEMENTS = 4 * 6 + 6 * 3


def step(kind: str, **options: Any) -> list[Kernel]:
    """A step of an optimiser that has its state."""
    if not hasattr(torch.optim, kind):
        pytest.skip(f"this torch has no {kind}")

    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        made: torch.optim.Optimizer = getattr(torch.optim, kind)(parameters, lr=0.1, **options)
        return made

    graph = trace_training(Weights(), torch.rand(2, 4), loss=lambda y: y.sum(), optimizer=optimizer)
    return [kernel for node in graph.nodes if node.phase is Phase.OPTIMIZER for kernel in node.kernels]


def pointwise(kernels: list[Kernel]) -> int:
    costs = [cost_of(kernel) for kernel in kernels]
    assert None not in costs
    return sum(cost.pointwise for cost in costs if cost)


@pytest.mark.parametrize("kind", OPTIMISERS)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_no_operator_of_an_optimiser_is_unknown(kind: str, foreach: bool) -> None:
    options = {} if kind in ("Adafactor", "Muon") else {"foreach": foreach}
    kernels = step(kind, **options)
    assert [kernel.op for kernel in kernels if cost_of(kernel) is None] == []
    assert pointwise(kernels) > ELEMENTS


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "AdamW"])
def test_a_list_of_tensors_costs_what_its_members_do(kind: str) -> None:
    loop, foreach = (pointwise(step(kind, foreach=foreach)) for foreach in (False, True))
    # a step count and other scalars apart
    assert loop // ELEMENTS == foreach // ELEMENTS > 0


@pytest.mark.parametrize(
    ("kind", "options", "flops"),
    [
        ("SGD", {}, 2),  # p −= α · g
        ("SGD", {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}, 2 + 3 + 2 + 2),
        ("Adam", {}, 3 + 4 + 6),
        ("Adam", {"weight_decay": 0.1, "amsgrad": True, "maximize": True}, 13 + 2 + 1 + 1),
        ("AdamW", {"weight_decay": 0.1}, 13 + 1),
        ("Adagrad", {}, 7),
    ],
)
def test_a_fused_step_costs_its_update_rule(kind: str, options: dict[str, Any], flops: int) -> None:
    fused = [cost_of(kernel) for kernel in step(kind, fused=True, **options) if "_fused" in kernel.op]
    assert fused == [Cost(pointwise=flops * ELEMENTS)]


def test_gradients_are_clipped_and_scaled() -> None:
    parameters = [nn.Parameter(torch.rand(4, 6)), nn.Parameter(torch.rand(6, 3))]
    for parameter in parameters:
        parameter.grad = torch.rand_like(parameter)
    with Kernels() as kernels:
        nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        aten._amp_foreach_non_finite_check_and_unscale_([p.grad for p in parameters], torch.zeros(1), torch.ones(1))
    assert kernels.unknown() == set()
    # norm: power and add; the clip's product; is it finite, and its product
    assert kernels.cost().pointwise // ELEMENTS == 2 + 1 + 2


# Symbolic sizes -------------------------------------------------------------------------------------------------------


class Layers(nn.Module):
    """A layer of each family whose backward kernel is asked for some gradients and not for others."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.transposed = nn.ConvTranspose2d(6, 6, 3)
        self.norms = nn.Sequential(nn.BatchNorm2d(6), nn.GroupNorm(2, 6), nn.LayerNorm(8))
        self.linear = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norms(self.transposed(self.conv(x)))
        return self.linear(F.grid_sample(x, x.new_zeros(x.shape[0], 8, 8, 2), align_corners=False))


def test_formulas_of_a_training_step_are_those_of_every_batch() -> None:
    """They hold for every batch: that torch asks if it is below 16, to choose a library, narrows nothing."""

    def step(batch: int, **options: Any) -> Any:
        args = (torch.empty(batch, 3, 8, 8),)
        return trace_training(Layers(), args, loss=lambda y: y.square().mean(), optimizer=torch.optim.Adam, **options)

    symbolic = step(4, dynamic_shapes=({0: "B"},))
    assert symbolic.guards == ()
    for batch in (2, 32):
        here, there = Facts(step(batch)), Facts(symbolic)
        for column in ("matrix", "pointwise"):
            expected = getattr(here[Flops()], column).total
            assert evaluate(getattr(there[Flops()], column).total, B=batch) == expected
        assert evaluate(there[Memory()].peak, B=batch) == here[Memory()].peak
