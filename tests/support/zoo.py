"""Small models whose FLOPs are derived by hand, operation by operation, in the docstring of each.

The derivation follows the mathematics, not the kernels that torch happens to run, so it holds on every device and for
every fused form. ``matrix`` counts 2 FLOPs for a multiply-add and no bias.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 -- as torch's own documentation has it

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ZOO", "Example"]


@dataclass(frozen=True)
class Example:
    """A model in evaluation mode, its inputs, and the FLOPs of its matrix work; of its pointwise work where derived."""

    model: nn.Module
    args: tuple[Any, ...]
    matrix: int
    pointwise: int | None = None
    kwargs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


_BUILDERS: dict[str, Callable[[], Example]] = {}
ZOO: Mapping[str, Callable[[], Example]] = MappingProxyType(_BUILDERS)
"""Name -> what builds the example."""


def _example(build: Callable[[], Example]) -> Callable[[], Example]:
    _BUILDERS[build.__name__] = build
    return build


class _Calls(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


@_example
def linear() -> Example:
    """(N, T, I) to (N, T, O): a row of the weight for each of N·T·O outputs is 2·I; the bias 1."""
    n, t, i, o = 2, 5, 8, 12
    return Example(nn.Linear(i, o).eval(), (torch.rand(n, t, i),), 2 * n * t * i * o, n * t * o)


@_example
def bilinear() -> Example:
    """y_o = x₁ᵀ W_o x₂ + b_o: for each of N·O, x₁ᵀ W_o is 2·I₁·I₂ and its product with x₂ 2·I₂; the bias 1."""
    n, i1, i2, o = 3, 4, 5, 6
    matrix = n * o * (2 * i1 * i2 + 2 * i2)
    return Example(nn.Bilinear(i1, i2, o).eval(), (torch.rand(n, i1), torch.rand(n, i2)), matrix, n * o)


@_example
def grouped_convolution() -> Example:
    """16 to 32 channels in 4 groups, 3 × 5 taps, stride 2, padding 1 on 20 × 21.

    Out: (20 + 2 − 3) // 2 + 1 = 10 by (21 + 2 − 5) // 2 + 1 = 10. Each of 2·32·10·10 outputs meets 16 / 4 channels at 15
    taps: 2·60. The bias is 1.
    """
    n, out, high, wide, channels, taps = 2, 32, 10, 10, 16 // 4, 3 * 5
    model = nn.Conv2d(16, out, (3, 5), stride=2, padding=1, groups=4).eval()
    outputs = n * out * high * wide
    return Example(model, (torch.rand(n, 16, 20, 21),), 2 * outputs * channels * taps, outputs)


@_example
def depthwise_convolution() -> Example:
    """Each channel alone: 8 channels, 7 taps, length kept at 30 by padding 3, no bias: 2·7 for each of 8·30 outputs."""
    model = nn.Conv1d(8, 8, 7, padding=3, groups=8, bias=False).eval()
    return Example(model, (torch.rand(1, 8, 30),), 2 * 8 * 30 * 7, 0)


@_example
def dilated_convolution_3d() -> Example:
    """2 to 4 channels, 3³ taps dilated by 2 (5 wide) on 9³: out 5³, each output 2·2·27; the bias 1."""
    model = nn.Conv3d(2, 4, 3, dilation=2).eval()
    outputs = 4 * 5**3
    return Example(model, (torch.rand(1, 2, 9, 9, 9),), 2 * outputs * 2 * 27, outputs)


@_example
def transposed_convolution() -> Example:
    """6 to 4 channels in 2 groups, 3 × 3 taps, stride 2 on 5 × 7.

    Every input element is spread over 4 / 2 channels and 9 taps: 2·18 for each of 6·5·7. Out is 11 × 15: the bias is 1 for
    each of 4·11·15.
    """
    model = nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2).eval()
    return Example(model, (torch.rand(1, 6, 5, 7),), 2 * 6 * 5 * 7 * 2 * 9, 4 * 11 * 15)


@_example
def einsum() -> Example:
    """``bhld,bhsd->bhls``: a contraction over d for each of b·h·l·s; 2·d each."""
    b, h, l, s, d = 2, 3, 4, 5, 6  # noqa: E741
    model = _Calls(lambda q, k: torch.einsum("bhld,bhsd->bhls", q, k)).eval()
    return Example(model, (torch.rand(b, h, l, d), torch.rand(b, h, s, d)), 2 * b * h * l * s * d, 0)


@_example
def broadcast_matmul() -> Example:
    """(2, 1, 4, 5) @ (3, 5, 6): a broadcast batch of 6 products of 2·4·5·6."""
    model = _Calls(torch.matmul).eval()
    return Example(model, (torch.rand(2, 1, 4, 5), torch.rand(3, 5, 6)), 2 * 3 * 2 * 4 * 5 * 6, 0)


@_example
def attention() -> Example:
    """Q Kᵀ is 2·E and the product with V 2·Eᵥ for each of B·H·L·S scores; per score: scale 1, softmax 5."""
    b, h, l, s, e = 2, 4, 6, 9, 8  # noqa: E741
    scores = b * h * l * s
    model = _Calls(F.scaled_dot_product_attention).eval()
    return Example(
        model, (torch.rand(b, h, l, e), torch.rand(b, h, s, e), torch.rand(b, h, s, e)), scores * 4 * e, scores * 6
    )


@_example
def grouped_query_attention() -> Example:
    """8 query heads on 2 key heads: as with 8 key heads, since every query head meets a key head. Causal: counted dense."""
    b, h, l, e = 1, 8, 10, 16  # noqa: E741
    model = _Calls(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)).eval()
    few = (b, 2, l, e)
    return Example(model, (torch.rand(b, h, l, e), torch.rand(few), torch.rand(few)), 4 * b * h * l * l * e)


@_example
def multi_head_attention() -> Example:
    """Width D, H heads, self-attention over L: four projections of 2·D·D a token, 4·D for each of L·L pairs (over all heads)."""
    b, l, d, h = 2, 7, 16, 4  # noqa: E741
    x = torch.rand(b, l, d)
    matrix = 4 * (b * l) * 2 * d * d + b * l * l * 4 * d
    return Example(nn.MultiheadAttention(d, h, batch_first=True).eval(), (x, x, x), matrix)


@_example
def cross_attention() -> Example:
    """Queries of L, keys and values of S: projections 2·D·D for 2·L + 2·S tokens, attention 4·D for each of L·S pairs."""
    b, l, s, d, h = 2, 7, 11, 16, 4  # noqa: E741
    x, memory = torch.rand(b, l, d), torch.rand(b, s, d)
    matrix = b * (2 * l + 2 * s) * 2 * d * d + b * l * s * 4 * d
    return Example(nn.MultiheadAttention(d, h, batch_first=True).eval(), (x, memory, memory), matrix)


@_example
def transformer_encoder() -> Example:
    """Three layers, each: attention as above, then two linears D → F → D of 2·D·F a token each."""
    layers, b, l, d, h, f = 3, 2, 5, 16, 2, 40  # noqa: E741
    layer = nn.TransformerEncoderLayer(d, h, f, batch_first=True)
    attention = 4 * (b * l) * 2 * d * d + b * l * l * 4 * d
    model = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval()
    return Example(model, (torch.rand(b, l, d),), layers * (attention + 2 * (b * l) * 2 * d * f))


@_example
def lstm() -> Example:
    """Four gates: 2·4H·I from the input and 2·4H·H from the state for each of T·N tokens.

    Pointwise per token: two biases of 4H; per hidden element 4 gate sums, 3 sigmoids, tanh, c = f·c + i·g (3), o·tanh(c) (2).
    """
    t, n, i, h = 7, 3, 5, 8
    matrix = t * n * 2 * 4 * h * (i + h)
    return Example(nn.LSTM(i, h).eval(), (torch.rand(t, n, i),), matrix, t * n * (2 * 4 * h + 13 * h))


@_example
def bidirectional_lstm() -> Example:
    """Two layers, both directions: the first reads I, the second the 2·H of both directions below it."""
    t, n, i, h = 6, 2, 5, 8
    first, second = 2 * 4 * h * (i + h), 2 * 4 * h * (2 * h + h)
    model = nn.LSTM(i, h, num_layers=2, bidirectional=True, batch_first=True).eval()
    return Example(model, (torch.rand(n, t, i),), t * n * 2 * (first + second))


@_example
def projected_lstm() -> Example:
    """The state is projected to P: gates read I and P, and the projection is 2·H·P, for each token."""
    t, n, i, h, p = 6, 2, 5, 8, 3
    return Example(nn.LSTM(i, h, proj_size=p).eval(), (torch.rand(t, n, i),), t * n * 2 * (4 * h * (i + p) + h * p))


@_example
def gru() -> Example:
    """Three gates: 2·3H·(I + H) for each token."""
    t, n, i, h = 7, 3, 5, 8
    return Example(nn.GRU(i, h).eval(), (torch.rand(t, n, i),), t * n * 2 * 3 * h * (i + h))


@_example
def elman() -> Example:
    """One gate: 2·H·(I + H) for each token."""
    t, n, i, h = 7, 3, 5, 8
    return Example(nn.RNN(i, h).eval(), (torch.rand(t, n, i),), t * n * 2 * h * (i + h))


@_example
def lstm_cell() -> Example:
    """One step: 2·4H·(I + H) for each of N; pointwise as an LSTM's."""
    n, i, h = 3, 5, 8
    return Example(nn.LSTMCell(i, h).eval(), (torch.rand(n, i),), n * 2 * 4 * h * (i + h))


@_example
def fourier() -> Example:
    """N = 64 real points for each of 3 signals: 2.5·64·log₂ 64 = 960."""
    return Example(_Calls(torch.fft.rfft).eval(), (torch.rand(3, 64),), 0, 3 * 960)


@_example
def embedding_bag() -> Example:
    """Bags of 4 indices, mode sum: each of 2·4 rows of width 6 is added to its bag. A plain embedding is a gather: free."""
    model = nn.EmbeddingBag(10, 6, mode="sum").eval()
    return Example(model, (torch.zeros(2, 4, dtype=torch.int64),), 0, 2 * 4 * 6)


@_example
def layer_norm_and_activations() -> Example:
    """N elements: layer norm 5 and its weight and bias 2; gelu by erf 5; relu 1; softmax 5; dropout in evaluation 0."""
    elements = 3 * 8
    model = nn.Sequential(nn.LayerNorm(8), nn.GELU(), nn.ReLU(), nn.Dropout(), nn.Softmax(dim=-1)).eval()
    return Example(model, (torch.rand(3, 8),), 0, elements * (7 + 5 + 1 + 5))


@_example
def pooling() -> Example:
    """2 × 2 maxima of 4·8·8: 4 for each of 4·4·4; 3 × 3 means, stride 1, of that: 9 for each of 4·2·2; one mean of 4: 4 each."""
    model = nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(3, stride=1), nn.AdaptiveAvgPool2d(1)).eval()
    return Example(model, (torch.rand(1, 4, 8, 8),), 0, 4 * (4 * 4 * 4 + 2 * 2 * 9 + 4))


@_example
def mixture_of_experts() -> Example:
    """A tiny Mixtral: every token takes 2 of 4 experts, whichever these are.

    A token costs, in each of two layers: queries 2·D·H·E and keys and values 2·2·D·G·E for G key heads, the output
    2·H·E·D, attention 4·H·E for each of L keys, the router 2·D·4, and in two experts three products of 2·D·F. At the
    end the vocabulary: 2·D·V.
    """
    from transformers import MixtralConfig, MixtralForCausalLM

    layers, batch, l, d, heads, groups, e, f, experts, taken, words = 2, 2, 6, 32, 4, 2, 8, 48, 4, 2, 100  # noqa: E741
    config = MixtralConfig(
        vocab_size=words,
        hidden_size=d,
        intermediate_size=f,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=e,
        num_local_experts=experts,
        num_experts_per_tok=taken,
    )
    projections = 2 * d * heads * e * 2 + 2 * 2 * d * groups * e
    token = projections + 4 * heads * e * l + 2 * d * experts + taken * 3 * 2 * d * f
    matrix = batch * l * (layers * token + 2 * d * words)
    ids = torch.zeros(batch, l, dtype=torch.int64)
    return Example(MixtralForCausalLM(config).eval(), (), matrix, kwargs={"input_ids": ids, "use_cache": False})
