"""Every rule that calls an operation a standard ONNX operator: onnxruntime and torch give the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everyone calls it

from fxviz.exporters.onnx.view.exporter import Onnx
from fxviz.exporters.onnx.view.operators import operators
from fxviz.tracing import trace
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable


def real(*shape: int) -> torch.Tensor:
    """Numbers of either sign, some beyond 20, where softplus changes."""
    numbers = (torch.arange(torch.Size(shape).numel()) * 1.7).sin() * 4
    if numbers.numel() > 4:
        numbers[-1], numbers[-2] = 30.0, -30.0
    return numbers.reshape(shape)


def positive(*shape: int) -> torch.Tensor:
    return real(*shape).abs() + 0.5


def mask(*shape: int) -> torch.Tensor:
    return real(*shape) < 0.5


def index(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


IMAGE, ROWS, VECTOR = (2, 4, 9, 8), (3, 6), (6,)

# The operator that stands in the file, what the author wrote, and inputs for it: weights too, so that onnxruntime has them.
CASES: dict[str, tuple[str, Callable[..., object], tuple[torch.Tensor, ...]]] = {
    "relu": ("Relu", torch.relu, (real(*ROWS),)),
    "relu in place": ("Relu", lambda x: (x + 0).relu_(), (real(*ROWS),)),
    "sigmoid": ("Sigmoid", torch.sigmoid, (real(*ROWS),)),
    "tanh": ("Tanh", torch.tanh, (real(*ROWS),)),
    "hardswish": ("HardSwish", F.hardswish, (real(*ROWS),)),
    "hardsigmoid": ("HardSigmoid", F.hardsigmoid, (real(*ROWS),)),
    "mish": ("Mish", F.mish, (real(*ROWS),)),
    "exp": ("Exp", torch.exp, (real(*ROWS) / 9,)),
    "log": ("Log", torch.log, (positive(*ROWS),)),
    "sqrt": ("Sqrt", torch.sqrt, (positive(*ROWS),)),
    "erf": ("Erf", torch.erf, (real(*ROWS),)),
    "reciprocal": ("Reciprocal", torch.reciprocal, (positive(*ROWS),)),
    "sin": ("Sin", torch.sin, (real(*ROWS),)),
    "cos": ("Cos", torch.cos, (real(*ROWS),)),
    "neg": ("Neg", lambda x: -x, (real(*ROWS),)),
    "abs": ("Abs", torch.abs, (real(*ROWS),)),
    "sign": ("Sign", torch.sign, (real(*ROWS),)),
    "floor": ("Floor", torch.floor, (real(*ROWS),)),
    "ceil": ("Ceil", torch.ceil, (real(*ROWS),)),
    "logical_not": ("Not", torch.logical_not, (mask(*ROWS),)),
    "celu": ("Celu", lambda x: F.celu(x, 0.7), (real(*ROWS),)),
    "celu default": ("Celu", F.celu, (real(*ROWS),)),
    "elu": ("Elu", lambda x: F.elu(x, 0.7), (real(*ROWS),)),
    "selu": ("Selu", F.selu, (real(*ROWS),)),
    "leaky_relu": ("LeakyRelu", lambda x: F.leaky_relu(x, 0.2), (real(*ROWS),)),
    "leaky_relu default": ("LeakyRelu", F.leaky_relu, (real(*ROWS),)),
    "prelu": ("PRelu", F.prelu, (real(*IMAGE), torch.tensor([0.3]))),
    "softplus": ("Softplus", F.softplus, (real(*ROWS),)),
    "gelu": ("Gelu", F.gelu, (real(*ROWS),)),
    "gelu tanh": ("Gelu", lambda x: F.gelu(x, approximate="tanh"), (real(*ROWS),)),
    "relu6": ("Clip", F.relu6, (real(*ROWS),)),
    "hardtanh": ("Clip", lambda x: F.hardtanh(x, -2, 3), (real(*ROWS),)),
    "clamp": ("Clip", lambda x: x.clamp(-1, 2), (real(*ROWS),)),
    "clamp min": ("Clip", lambda x: x.clamp(min=-1.5), (real(*ROWS),)),
    "clamp max": ("Clip", lambda x: x.clamp(max=1), (real(*ROWS),)),
    "softmax": ("Softmax", lambda x: torch.softmax(x, -1), (real(*ROWS),)),
    "log_softmax": ("LogSoftmax", lambda x: torch.log_softmax(x, 0), (real(*ROWS),)),
    "dropout": ("Dropout", lambda x: F.dropout(x, 0.5, training=False), (real(*ROWS),)),
    "add": ("Add", lambda x, y: x + y, (real(*ROWS), real(*VECTOR))),
    "add number": ("Add", lambda x: x + 2, (real(*ROWS),)),
    "sub": ("Sub", lambda x, y: x - y, (real(*ROWS), real(*VECTOR))),
    "rsub": ("Sub", lambda x: 1 - x, (real(*ROWS),)),
    "mul": ("Mul", lambda x, y: x * y, (real(*ROWS), real(3, 1))),
    "mul number": ("Mul", lambda x: x * 0.3, (real(*ROWS),)),
    "div": ("Div", lambda x, y: x / y, (real(*ROWS), positive(*ROWS))),
    "div number": ("Div", lambda x: x / 3, (real(*ROWS),)),
    "pow": ("Pow", lambda x: x**2, (real(*ROWS),)),
    "pow in place": ("Pow", lambda x: (x + 0).pow_(2), (real(*ROWS),)),
    "maximum": ("Max", torch.maximum, (real(*ROWS), real(*VECTOR))),
    "minimum": ("Min", torch.minimum, (real(*ROWS), real(*VECTOR))),
    "logical_and": ("And", torch.logical_and, (mask(*ROWS), mask(*VECTOR))),
    "logical_or": ("Or", torch.logical_or, (mask(*ROWS), mask(*VECTOR))),
    "eq": ("Equal", lambda x: x == 1, (torch.arange(6) % 3,)),
    "gt": ("Greater", lambda x, y: x > y, (real(*ROWS), real(*VECTOR))),
    "ge": ("GreaterOrEqual", lambda x: x >= 0.5, (real(*ROWS),)),
    "lt": ("Less", lambda x: x < 2, (real(*ROWS),)),
    "le": ("LessOrEqual", lambda x, y: x <= y, (real(*ROWS), real(*VECTOR))),
    "where": ("Where", torch.where, (mask(*ROWS), real(*ROWS), real(*VECTOR))),
    "masked_fill": ("Where", lambda x, m: x.masked_fill(m, -9.0), (real(*ROWS), mask(*VECTOR))),
    "cast": ("Cast", lambda x: x.to(torch.float64), (real(*ROWS),)),
    "cast to int": ("Cast", lambda x: x.int(), (real(*ROWS),)),
    "cast to bool": ("Cast", lambda x: x.bool(), (torch.arange(6) % 3,)),
    "linear": ("Gemm", F.linear, (real(*ROWS), real(5, 6), real(5))),
    "linear without bias": ("Gemm", F.linear, (real(*ROWS), real(5, 6))),
    "addmm": ("Gemm", lambda b, x, w: torch.addmm(b, x, w, alpha=2, beta=0.5), (real(5), real(3, 6), real(6, 5))),
    "matmul": ("MatMul", torch.matmul, (real(2, 1, 3, 6), real(4, 6, 5))),
    "matmul vector": ("MatMul", torch.matmul, (real(6), real(4, 6, 5))),
    "mm": ("MatMul", torch.mm, (real(3, 6), real(6, 5))),
    "bmm": ("MatMul", torch.bmm, (real(2, 3, 6), real(2, 6, 5))),
    "dot": ("MatMul", torch.dot, (real(6), real(6))),
    "mv": ("MatMul", torch.mv, (real(3, 6), real(6))),
    "conv2d": (
        "Conv",
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
        (real(*IMAGE), real(6, 2, 3, 3), real(6)),
    ),
    "conv1d": ("Conv", F.conv1d, (real(2, 4, 9), real(5, 4, 3))),
    "conv3d": ("Conv", lambda x, w: F.conv3d(x, w, padding=1), (real(1, 2, 5, 6, 7), real(3, 2, 3, 2, 1))),
    "conv_transpose2d": (
        "ConvTranspose",
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, padding=1, output_padding=1, groups=2, dilation=2),
        (real(*IMAGE), real(4, 3, 3, 3), real(6)),
    ),
    "attention": ("Attention", F.scaled_dot_product_attention, (real(2, 3, 5, 8), real(2, 3, 7, 8), real(2, 3, 7, 4))),
    "attention causal": (
        "Attention",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.2),
        (real(2, 3, 5, 8), real(2, 3, 5, 8) / 2, positive(2, 3, 5, 8)),
    ),
    "attention masked": (
        "Attention",
        F.scaled_dot_product_attention,
        (real(2, 3, 5, 8), real(2, 3, 7, 8), real(2, 3, 7, 8), torch.ones(5, 7).tril(2).bool()),
    ),
    "attention biased": (
        "Attention",
        F.scaled_dot_product_attention,
        (real(2, 3, 5, 8), real(2, 3, 7, 8), real(2, 3, 7, 8), real(2, 1, 5, 7)),
    ),
    "attention grouped": (
        "Attention",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        (real(2, 6, 5, 8), real(2, 3, 7, 8), real(2, 3, 7, 8)),
    ),
    "batch_norm": (
        "BatchNormalization",
        lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, eps=1e-3),
        (real(*IMAGE), real(4), positive(4), real(4), real(4)),
    ),
    "layer_norm": (
        "LayerNormalization",
        lambda x, w, b: F.layer_norm(x, (9, 8), w, b),
        (real(*IMAGE), real(9, 8), real(9, 8)),
    ),
    "layer_norm without bias": ("LayerNormalization", lambda x, w: F.layer_norm(x, (8,), w), (real(*IMAGE), real(8))),
    "group_norm": ("GroupNormalization", lambda x, w, b: F.group_norm(x, 2, w, b), (real(*IMAGE), real(4), real(4))),
    "instance_norm": (
        "InstanceNormalization",
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        (real(*IMAGE), real(4), real(4)),
    ),
    "rms_norm": ("RMSNormalization", lambda x, w: F.rms_norm(x, (9, 8), w, eps=1e-3), (real(*IMAGE), real(9, 8))),
    "max_pool2d": ("MaxPool", lambda x: F.max_pool2d(x, 3, 2, padding=1), (real(*IMAGE),)),
    "max_pool2d dilated": ("MaxPool", lambda x: F.max_pool2d(x, (2, 3), dilation=2), (real(*IMAGE),)),
    "max_pool3d": ("MaxPool", lambda x: F.max_pool3d(x, 2), (real(1, 2, 5, 6, 7),)),
    "avg_pool2d": ("AveragePool", lambda x: F.avg_pool2d(x, 3, 2, padding=1), (real(*IMAGE),)),
    "avg_pool2d without padding": (
        "AveragePool",
        lambda x: F.avg_pool2d(x, 3, padding=1, count_include_pad=False),
        (real(*IMAGE),),
    ),
    "avg_pool3d": ("AveragePool", lambda x: F.avg_pool3d(x, 2), (real(1, 2, 5, 6, 7),)),
    "adaptive_avg_pool2d": ("GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1), (real(*IMAGE),)),
    "adaptive_avg_pool3d": ("GlobalAveragePool", lambda x: F.adaptive_avg_pool3d(x, 1), (real(1, 2, 5, 6, 7),)),
    "mean": ("ReduceMean", lambda x: x.mean((2, -1)), (real(*IMAGE),)),
    "mean of all": ("ReduceMean", torch.mean, (real(*IMAGE),)),
    "sum": ("ReduceSum", lambda x: x.sum(1, keepdim=True), (real(*IMAGE),)),
    "amax": ("ReduceMax", lambda x: x.amax((1, 2)), (real(*IMAGE),)),
    "amin": ("ReduceMin", lambda x: x.amin(-1), (real(*IMAGE),)),
    "reshape": ("Reshape", lambda x: x.reshape(2, -1, 8), (real(*IMAGE),)),
    "reshape of turned": ("Reshape", lambda x: x.transpose(1, 2).reshape(2, -1), (real(*IMAGE),)),
    "view": ("Reshape", lambda x: x.view(8, 72), (real(*IMAGE),)),
    "flatten": ("Flatten", lambda x: x.flatten(1), (real(*IMAGE),)),
    "flatten middle": ("Reshape", lambda x: x.flatten(1, 2), (real(*IMAGE),)),
    "unflatten": ("Reshape", lambda x: x.unflatten(1, (2, 2)), (real(*IMAGE),)),
    "transpose": ("Transpose", lambda x: x.transpose(-1, 1), (real(*IMAGE),)),
    "t": ("Transpose", torch.t, (real(*ROWS),)),
    "permute": ("Transpose", lambda x: x.permute(0, -1, 1, 2), (real(*IMAGE),)),
    "unsqueeze": ("Unsqueeze", lambda x: x.unsqueeze(-2), (real(*ROWS),)),
    "squeeze": ("Squeeze", torch.squeeze, (real(1, 3, 1),)),
    "squeeze one": ("Squeeze", lambda x: x.squeeze(-1), (real(1, 3, 1),)),
    "expand": ("Expand", lambda x: x.expand(4, -1, 6), (real(3, 1),)),
    "cat": ("Concat", lambda x, y: torch.cat([x, y], -1), (real(*ROWS), real(3, 2))),
    "split": ("Split", lambda x: x.split(4, 1), (real(*ROWS),)),
    "split by sizes": ("Split", lambda x: x.split([1, 2, 3], -1), (real(*ROWS),)),
    "chunk": ("Split", lambda x: x.chunk(2, 1), (real(*ROWS),)),
    "slice": ("Slice", lambda x: x[1:], (real(*ROWS),)),
    "slice with step": ("Slice", lambda x: x[..., -5:-1:2], (real(*ROWS),)),
    "select": ("Gather", lambda x: x.select(1, -2), (real(*ROWS),)),
    "embedding": ("Gather", F.embedding, (torch.tensor([[1, 0], [2, 2]]), real(*ROWS))),
    "index_select": ("Gather", lambda x, i: x.index_select(1, i), (real(*ROWS), index(5, 0, 0))),
    "pad": ("Pad", lambda x: F.pad(x, (1, 2, 3, 0), value=0.5), (real(*IMAGE),)),
    "pad reflect": ("Pad", lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"), (real(*IMAGE),)),
    "pad replicate": ("Pad", lambda x: F.pad(x, (1, 2, 3, 0), mode="replicate"), (real(*IMAGE),)),
    "pixel_shuffle": ("DepthToSpace", lambda x: F.pixel_shuffle(x, 2), (real(*IMAGE),)),
}


def export(function: Callable[..., object], inputs: tuple[torch.Tensor, ...]) -> onnx.ModelProto:
    def call(*tensors: torch.Tensor) -> object:  # torch's own functions have no signature
        return function(*tensors)

    data = Onnx().export(View.of(trace(call, inputs)))
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("name", CASES)
def test_standard_operators_compute_what_torch_does(name: str) -> None:
    op_type, function, inputs = CASES[name]
    model = export(function, inputs)
    assert op_type in [node.op_type for node in model.graph.node]
    assert {node.domain for node in model.graph.node} == {""}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = dict(zip([value.name for value in model.graph.input], (tensor.numpy() for tensor in inputs), strict=True))
    found = session.run(None, fed)
    expected = function(*inputs)
    expected = list(expected) if isinstance(expected, tuple | list) else [expected]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=1e-5, atol=1e-5)


REFUSED: dict[str, tuple[Callable[..., object], tuple[torch.Tensor, ...]]] = {
    "a second summand that is scaled": (lambda x, y: torch.add(x, y, alpha=2), (real(*ROWS), real(*ROWS))),
    "dtypes that torch promotes": (lambda x, y: x + y, (real(*ROWS), torch.arange(6))),
    "a number that promotes": (lambda x: x > 0.5, (torch.arange(6),)),
    "whole numbers divided": (lambda x, y: x / y, (torch.arange(6), torch.arange(6) + 1)),
    "a quotient that is rounded": (lambda x, y: torch.div(x, y, rounding_mode="floor"), (real(*ROWS), positive(*ROWS))),
    "rows of rows": (F.linear, (real(2, 3, 6), real(5, 6))),
    "dropout that drops": (lambda x: F.dropout(x, 0.5, training=True), (real(*ROWS),)),
    "pooling that counts its indices": (lambda x: F.max_pool2d(x, 2, return_indices=True), (real(*IMAGE),)),
    "pooling without a batch": (lambda x: F.max_pool2d(x, 2), (real(4, 9, 8),)),
    "pooling that rounds up": (lambda x: F.max_pool2d(x, 2, ceil_mode=True), (real(*IMAGE),)),
    "a mean over a number of our own": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), (real(*IMAGE),)),
    "batch norm in training": (
        lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, training=True),
        (real(*IMAGE), real(4), positive(4), real(4), real(4)),
    ),
    "layer norm without weights": (lambda x: F.layer_norm(x, (8,)), (real(*IMAGE),)),
    "layer norm in double precision": (
        lambda x, w: F.layer_norm(x, (8,), w),
        (real(*IMAGE).double(), real(8).double()),
    ),
    "a causal mask that is not square": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (real(2, 3, 5, 8), real(2, 3, 7, 8), real(2, 3, 7, 8)),
    ),
    "attention without heads": (F.scaled_dot_product_attention, (real(2, 5, 8), real(2, 7, 8), real(2, 7, 8))),
    "softplus of another slope": (lambda x: F.softplus(x, 2), (real(*ROWS),)),
    "slopes by channel": (F.prelu, (real(*IMAGE), real(4))),
    "padding that cuts": (lambda x: F.pad(x, (-1, 2)), (real(*ROWS),)),
    "bits read as another dtype": (lambda x: x.view(torch.int32), (real(*ROWS),)),
    "what ONNX does not have": (torch.special.i0, (real(*ROWS),)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_same_keeps_its_author_s_name(name: str) -> None:
    function, inputs = REFUSED[name]
    (node,) = [node for node in export(function, inputs).graph.node if node.op_type != "Constant"]
    assert node.domain == "fxviz"


def test_every_rule_is_tried_against_torch() -> None:
    """A rule that no case reaches would be a claim without a proof."""
    used: set[str] = set()
    for _, function, inputs in CASES.values():
        for node in trace(lambda *tensors, call=function: call(*tensors), inputs).nodes:
            used |= {node.op, *(kernel.op for kernel in node.kernels)}
    reached = {operators.find_kernel(op) for op in used}
    untried = {op for op in operators if operators.find(op) not in reached}
    assert untried == set()
